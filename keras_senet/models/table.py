"""Networks as tables of steps, as data (standard library only)."""

from dataclasses import dataclass
from typing import Literal

from keras_senet.models.spec import NetworkSpec


@dataclass(frozen=True)
class Conv:
    """A convolution, its batch normalization and its ReLU.

    Attributes:
        filters: Channels of the output; `None` for a depthwise convolution.
        kernel: Side of the kernel, or its height and width.
        stride: Stride in both directions.
        padding: `"same"` and `"valid"` as in Keras, `"symmetric"`: half the
            kernel on every side, `"end"`: one at the bottom and right.
        groups: Cardinality.
        relu: Whether a ReLU follows.
        normalized: Whether batch normalization follows; otherwise a bias.
    """

    filters: int | None
    kernel: int | tuple[int, int] = 1
    stride: int = 1
    padding: Literal["same", "valid", "symmetric", "end"] = "same"
    groups: int = 1
    relu: bool = True
    normalized: bool = True


@dataclass(frozen=True)
class Pool:
    """A pool.

    Attributes:
        kind: `"max"` or `"avg"`.
        size: Side of the window.
        stride: Stride in both directions.
        padding: `"same"` and `"valid"` as in Keras; `"symmetric"` and `"end"`
            pad zeros, which an average counts.
    """

    kind: Literal["max", "avg"]
    size: int = 3
    stride: int = 2
    padding: Literal["same", "valid", "symmetric", "end"] = "valid"


@dataclass(frozen=True)
class Shuffle:
    """Interleaves the channels of the groups."""

    groups: int


@dataclass(frozen=True)
class Relu:
    """A ReLU."""


@dataclass(frozen=True)
class Excite:
    """A Squeeze-and-Excitation block, if the stage has them."""


@dataclass(frozen=True)
class Branches:
    """Chains side by side from one feature map, concatenated."""

    chains: tuple[tuple["Step", ...], ...]


@dataclass(frozen=True)
class Residual:
    """A chain, scaled and added to its input.

    Attributes:
        chain: The residual branch.
        scale: What the branch is multiplied by before the sum.
        relu: Whether a ReLU follows.
    """

    chain: tuple["Step", ...]
    scale: float = 1.0
    relu: bool = True


Step = Conv | Pool | Shuffle | Relu | Excite | Branches | Residual
Chain = tuple[Step, ...]

ENDPOINTS = (("C2", "stage2"), ("C3", "stage3"), ("C4", "stage4"), ("C5", "stage5"))


@dataclass(frozen=True, kw_only=True)
class TableSpec(NetworkSpec):
    """A network that is written down step by step.

    Attributes:
        stem: The steps before the first stage.
        table: The blocks of every stage: `((2, (block, block)), (3, ...), ...)`.
        head: The steps after the last stage.
        epsilon: Epsilon of all batch normalization.
        momentum: Momentum of its moving statistics.
        gamma: Whether it scales.
        relu_limit: Where the ReLUs saturate.
        endings: From C2 to C5, the part of the network that ends there.
        smallest: The smallest side of an image, in pixels.
    """

    stem: Chain
    table: tuple[tuple[int, tuple[Chain, ...]], ...]
    head: Chain = ()
    epsilon: float = 1e-5
    momentum: float = 0.9
    gamma: bool = True
    relu_limit: float | None = None
    endings: tuple[tuple[str, str], ...] = ENDPOINTS
    smallest: int = 32

    @property
    def stages(self) -> tuple[int, ...]:
        """The stages with a place for SE."""
        return tuple(
            stage for stage, blocks in self.table if any(map(_has_place, blocks))
        )

    @property
    def least(self) -> int:
        """The smallest side of an image, in pixels."""
        return self.smallest

    @property
    def endpoints(self) -> dict[str, str]:
        """From C2 to C5, the names of the layers that end there."""
        parts = {"stem": ("stem_", self.stem), "head": ("head_", self.head)}
        for stage, blocks in self.table:
            chain = blocks[-1]
            if self.se.reduction is None or stage not in (
                self.se.stages or self.stages
            ):
                chain = tuple(x for x in chain if not isinstance(x, Excite))
            parts[f"stage{stage}"] = (f"stage{stage}_block{len(blocks)}_", chain)
        return {name: _last_layer(*parts[part]) for name, part in self.endings}

    @property
    def absent(self) -> tuple[str, ...]:
        """What only residual networks have."""
        return ("variant", "se_placement", "drop_path")


def _last_layer(prefix: str, chain: Chain) -> str:
    """The name of the layer that ends a chain, as `tabular.chain` gives it."""
    step = chain[-1]
    if isinstance(step, Excite):
        return f"{prefix}se"
    if isinstance(step, Relu):
        return f"{prefix}out"
    alike = sum(isinstance(x, type(step)) for x in chain)
    number = str(alike) if alike > 1 else ""
    kind = {Conv: "relu", Pool: "pool", Branches: "concat", Residual: "out"}[type(step)]
    return f"{prefix}{kind}{number}"


def _has_place(chain: Chain) -> bool:
    for step in chain:
        if isinstance(step, Excite):
            return True
        if isinstance(step, Residual) and _has_place(step.chain):
            return True
        if isinstance(step, Branches) and any(map(_has_place, step.chains)):
            return True
    return False
