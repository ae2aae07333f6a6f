"""Networks from a `TableSpec`: Inception, MobileNet, ShuffleNet and VGG."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from keras import layers

from keras_senet.layers import ChannelShuffle, ImageSize
from keras_senet.models.blocks import (
    channel_axis,
    convolution,
    normalization,
    padded,
    squeeze_excite,
)
from keras_senet.models.table import (
    Branches,
    Chain,
    Conv,
    Excite,
    Pool,
    Relu,
    Residual,
    Shuffle,
    Step,
    TableSpec,
)


def tabular_network(x: Any, spec: TableSpec) -> Any:
    """Stem, stages and head, step by step.

    Args:
        x: Preprocessed images.
        spec: What the network looks like.

    Returns:
        The last feature map.
    """
    if spec.size_rule is not None:
        rule = spec.size_rule
        x = ImageSize(rule.period, rule.first, rule.last, name="image_size")(x)
    x = chain(x, spec.stem, Position(spec, "stem_"))
    for stage, blocks in spec.table:
        excited = stage in (spec.se.stages or spec.stages)
        for number, steps in enumerate(blocks, start=1):
            block = f"stage{stage}_block{number}_"
            x = chain(x, steps, Position(spec, block, f"{block}se", excited))
    return chain(x, spec.head, Position(spec, "head_"))


@dataclass(frozen=True)
class Position:
    """Where a chain stands in its network.

    Attributes:
        spec: What the network looks like.
        prefix: Start of the names of the chain's layers.
        se: Name of the block's SE layer.
        excited: Whether the stage has SE.
    """

    spec: TableSpec
    prefix: str
    se: str = ""
    excited: bool = False


def chain(x: Any, steps: Chain, position: Position) -> Any:
    """One step after the other; steps of a kind are numbered if there are several."""
    total = Counter(map(type, steps))
    seen: Counter[type] = Counter()
    for step in steps:
        kind = type(step)
        seen[kind] += 1
        x = apply(x, step, position, str(seen[kind]) if total[kind] > 1 else "")
    return x


def apply(x: Any, step: Step, position: Position, number: str) -> Any:
    """One step of a table."""
    prefix, spec = position.prefix, position.spec
    match step:
        case Conv():
            return conv(x, step, position, number)
        case Pool():
            return pool(x, step, prefix, number)
        case Relu():
            return relu(x, spec, f"{prefix}out")
        case Shuffle():
            return ChannelShuffle(step.groups, name=f"{prefix}shuffle{number}")(x)
        case Excite():
            return squeeze_excite(x, spec.se, position.se) if position.excited else x
        case Branches():
            ends = [
                chain(x, steps, replace(position, prefix=f"{prefix}branch{index}_"))
                for index, steps in enumerate(step.chains, start=1)
            ]
            name = f"{prefix}concat{number}"
            return layers.Concatenate(axis=channel_axis(), name=name)(ends)
        case Residual():
            branch = chain(x, step.chain, position)
            if step.scale != 1:
                branch = layers.Rescaling(step.scale, name=f"{prefix}scale")(branch)
            x = layers.Add(name=f"{prefix}add{number}")([x, branch])
            return relu(x, spec, f"{prefix}out{number}") if step.relu else x


def conv(x: Any, step: Conv, position: Position, number: str) -> Any:
    """A convolution, its normalization and its ReLU."""
    spec, prefix = position.spec, position.prefix
    x = convolution(
        x,
        step.filters,
        step.kernel,
        stride=step.stride,
        padding=step.padding,
        groups=step.groups,
        use_bias=not step.normalized,
        prefix=prefix,
        number=number,
    )
    if step.normalized:
        x = normalization(
            x,
            f"{prefix}bn{number}",
            epsilon=spec.epsilon,
            momentum=spec.momentum,
            gamma=spec.gamma,
        )
    return relu(x, spec, f"{prefix}relu{number}") if step.relu else x


def relu(x: Any, spec: TableSpec, name: str) -> Any:
    """A ReLU that saturates where the network's do."""
    return layers.ReLU(spec.relu_limit, name=name)(x)


def pool(x: Any, step: Pool, prefix: str, number: str) -> Any:
    """A pool; padding with zeros changes no maximum where the map follows a ReLU."""
    x, padding = padded(x, step.size, step.padding, name=f"{prefix}pool_pad{number}")
    kind = layers.MaxPooling2D if step.kind == "max" else layers.AveragePooling2D
    return kind(
        step.size, strides=step.stride, padding=padding, name=f"{prefix}pool{number}"
    )(x)
