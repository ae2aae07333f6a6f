"""The layers with weights of a residual network, generated from its spec."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from keras_senet.models.spec import ResidualSpec

Kind = Literal["convolution", "normalization", "squeeze_excite", "classifier"]


@dataclass(frozen=True)
class Part:
    """A layer with weights and its place in the network.

    Attributes:
        kind: What it is.
        stage: The stage that it is in: 1 is the stem, 0 the head.
        block: The block of the stage, from 1.
        name: Its name in there, such as `"conv2"`, `"proj_bn"` or `"se"`.
        layer: Its name in our networks.
    """

    kind: Kind
    stage: int
    block: int
    name: str
    layer: str


def parts(spec: ResidualSpec, include_top: bool = True) -> Iterator[Part]:
    """The layers of a residual network that have weights.

    Args:
        spec: What the network looks like. Published weights are of networks whose
            units are `"residual"`.
        include_top: Whether it has its classifier.

    Yields:
        Them, in the order of the network.
    """
    for index in range(1, len(spec.stem) + 1):
        number = "" if len(spec.stem) == 1 else str(index)
        yield Part("convolution", 1, 1, f"conv{number}", f"stem_conv{number}")
        yield Part("normalization", 1, 1, f"bn{number}", f"stem_bn{number}")
    excited = spec.se.stages or spec.stages
    channels = spec.stem[-1][0]
    for stage, width, depth in zip(spec.stages, spec.widths, spec.depths, strict=True):
        for block in range(1, depth + 1):
            names = [str(n) for n in range(1, 3 + (spec.block == "bottleneck"))]
            projected = block == 1 and (stage > 2 or channels != width * spec.expansion)
            prefixes = [("conv", "bn", number) for number in names]
            prefixes += [("proj_conv", "proj_bn", "")] * projected
            for convolution, normalization, number in prefixes:
                for kind, name in (
                    ("convolution", f"{convolution}{number}"),
                    ("normalization", f"{normalization}{number}"),
                ):
                    layer = f"stage{stage}_block{block}_{name}"
                    yield Part(kind, stage, block, name, layer)  # type: ignore[arg-type]
            if spec.se.reduction is not None and stage in excited:
                layer = f"stage{stage}_block{block}_se"
                yield Part("squeeze_excite", stage, block, "se", layer)
        channels = width * spec.expansion
    if include_top:
        yield Part("classifier", 0, 0, "predictions", "predictions")
