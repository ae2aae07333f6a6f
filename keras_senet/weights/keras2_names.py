"""The order of the layers in files of `classification_models`."""

from collections.abc import Iterator
from itertools import count

from keras_senet.models.spec import NetworkSpec, ResidualSpec
from keras_senet.weights.layouts import FLAT_MATRIX, SIDE_BY_SIDE, VECTOR
from keras_senet.weights.parts import Part, parts
from keras_senet.weights.rule import Rule

NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")


def keras2_rules(spec: NetworkSpec, include_top: bool = True) -> Iterator[Rule]:
    """The rules of the SE networks of `classification_models`.

    Its layers are numbered by the depth at which they stand before the output. In a
    block, the branch with its SE is longer than the shortcut, whose projection so
    comes last. A grouped convolution is a layer for each group, in their order.

    Args:
        spec: What the network looks like.
        include_top: Whether it has its classifier.

    Yields:
        A rule for each tensor; nothing for networks that the package has not.
    """
    if (
        not isinstance(spec, ResidualSpec)
        or (spec.unit, spec.block) != ("residual", "bottleneck")
        or spec.se.reduction is None
        or spec.pooled_shortcut
    ):
        return
    number = count()
    for part in sorted(parts(spec, include_top), key=_place):
        if part.kind == "classifier":
            for weight in ("kernel", "bias"):
                yield Rule(f"{part.layer}/{weight}", (f"dense.{weight}",), VECTOR)
        elif part.kind == "normalization":
            source = f"{next(number)}.batch_normalization"
            for weight in NORMALIZATION:
                yield Rule(f"{part.layer}/{weight}", (f"{source}.{weight}",), VECTOR)
        elif part.kind == "squeeze_excite":
            for matrix in ("reduce", "expand"):
                source = f"{next(number)}.conv2d"
                target = f"{part.layer}/{matrix}"
                yield Rule(f"{target}_kernel", (f"{source}.kernel",), FLAT_MATRIX)
                if spec.se.use_bias:
                    yield Rule(f"{target}_bias", (f"{source}.bias",), VECTOR)
        else:
            groups = spec.groups if part.name == "conv2" and part.stage > 1 else 1
            sources = [f"{next(number)}.conv2d.kernel" for _ in range(groups)]
            yield Rule(f"{part.layer}/kernel", tuple(sources), SIDE_BY_SIDE)


def _place(part: Part) -> tuple[bool, int, int, bool]:
    """What sorts the parts; those that it does not tell apart keep their order."""
    head, shortcut = part.stage == 0, part.name.startswith("proj_")
    return head, part.stage, part.block, shortcut
