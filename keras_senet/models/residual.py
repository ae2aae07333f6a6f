"""Residual networks from a `ResidualSpec` (conference, sections 3.3 and 4)."""

from collections.abc import Callable
from typing import Any

from keras import layers

from keras_senet.models.blocks import (
    channel_axis,
    conv_bn,
    drop_path,
    squeeze_excite,
    stem_pool,
)
from keras_senet.models.spec import ResidualSpec


def residual_network(x: Any, spec: ResidualSpec) -> Any:
    """Stem and stages.

    The output of stage S, its named endpoint, is the layer
    `stage{S}_block{last}_out`, or `..._se` where SE is placed behind the sum.

    Args:
        x: Preprocessed images.
        spec: What the network looks like.

    Returns:
        The last feature map.
    """
    for index, (filters, kernel, stride) in enumerate(spec.stem, start=1):
        number = "" if len(spec.stem) == 1 else str(index)
        x = conv_bn(x, filters, kernel, stride=stride, prefix="stem_", number=number)
    if spec.pool:
        x = stem_pool(x, spec.variant)
    position, last = 0, max(1, sum(spec.depths) - 1)
    for stage, width, depth in zip(spec.stages, spec.widths, spec.depths, strict=True):
        for block in range(1, depth + 1):
            stride = 2 if block == 1 and stage > 2 else 1
            rate = spec.drop_path * position / last
            x = residual_unit(x, spec, stage, block, width, stride, rate)
            position += 1
    return x


def residual_unit(
    x: Any,
    spec: ResidualSpec,
    stage: int,
    block: int,
    width: int,
    stride: int,
    drop_rate: float,
) -> Any:
    """One residual unit, with SE where the spec places it (journal, figure 5).

    Args:
        x: Feature map.
        spec: What the network looks like.
        stage: Number of the stage, for names and `se.stages`.
        block: Number of the block in its stage.
        width: Base width of the stage.
        stride: Stride of the unit.
        drop_rate: Rate at which the branch is dropped in training.

    Returns:
        The new feature map.
    """
    prefix = f"stage{stage}_block{block}_"
    se = spec.se

    def excite_at(placement: str, tensor: Any) -> Any:
        here = se.placement == placement and stage in (se.stages or spec.stages)
        return squeeze_excite(tensor, se, f"{prefix}se") if here else tensor

    branch = excite_at("pre", x)
    if spec.block == "bottleneck":
        branch = bottleneck(branch, spec, width, stride, prefix, excite_at)
    else:
        branch = basic(branch, spec, width, stride, prefix)
    branch = excite_at("standard", branch)
    branch = drop_path(branch, drop_rate, f"{prefix}drop_path")

    shortcut = x
    filters = width * spec.expansion
    if stride > 1 or x.shape[channel_axis()] != filters:
        kernel = spec.strided_shortcut if stride > 1 else 1
        shortcut = conv_bn(
            x, filters, kernel, stride=stride, relu=False, prefix=f"{prefix}proj_"
        )
    shortcut = excite_at("identity", shortcut)
    x = layers.Add(name=f"{prefix}add")([branch, shortcut])
    x = layers.ReLU(name=f"{prefix}out")(x)
    return excite_at("post", x)


def bottleneck(
    x: Any,
    spec: ResidualSpec,
    width: int,
    stride: int,
    prefix: str,
    excite_at: Callable[[str, Any], Any],
) -> Any:
    """1x1 reduce, 3x3, 1x1 increase; SE_3x3 stands behind the second ReLU."""
    first, second = 1, stride
    if spec.strides_by_dialect and spec.variant == "caffe":
        first, second = stride, 1
    reduced = width * spec.reduce
    x = conv_bn(x, reduced, 1, stride=first, prefix=prefix, number="1")
    x = conv_bn(
        x,
        width * spec.middle,
        3,
        stride=second,
        groups=spec.groups,
        prefix=prefix,
        number="2",
    )
    x = excite_at("3x3", x)
    filters = width * spec.expansion
    return conv_bn(x, filters, 1, relu=False, prefix=prefix, number="3")


def basic(x: Any, spec: ResidualSpec, width: int, stride: int, prefix: str) -> Any:
    """Two 3x3 convolutions, the first of which carries the stride."""
    x = conv_bn(x, width, 3, stride=stride, prefix=prefix, number="1")
    filters = width * spec.expansion
    return conv_bn(x, filters, 3, relu=False, prefix=prefix, number="2")
