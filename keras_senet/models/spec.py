"""What differs between the networks, as data (standard library only)."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

PLACEMENTS: tuple[str, ...] = ("standard", "pre", "post", "identity", "3x3")
VARIANTS: tuple[str, ...] = ("pytorch", "caffe")


@dataclass(frozen=True, kw_only=True)
class SqueezeExciteSpec:
    """How a network uses Squeeze-and-Excitation.

    Attributes:
        reduction: The reduction ratio r; `None` builds the network without SE.
        use_bias: Whether the two matrices have biases. The published networks
            do, the journal paper's ablations do not.
        squeeze: `"avg"`, `"max"` or `None` (journal, tables 11 and 16).
        gate_activation: The activation that makes the gates (journal, table 12).
        placement: Where the block stands in a residual unit (journal, figure 5
            and table 14).
        stages: The stages that have it (journal, table 13); `None` is all.
        relu_before: Whether a ReLU precedes the block: only the legacy weights
            of SE-ResNet-18 and -34 want it.
    """

    reduction: int | None = 16
    use_bias: bool = True
    squeeze: str | None = "avg"
    gate_activation: str = "sigmoid"
    placement: str = "standard"
    stages: tuple[int, ...] | None = None
    relu_before: bool = False


@dataclass(frozen=True, kw_only=True)
class SizeRule:
    """Which sides an image may have: `period * k + first` to `period * k + last`."""

    period: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(ABC):
    """What every network has, whatever it is made of.

    Attributes:
        about: What the network is and where it comes from, in a sentence or two.
        variant: The dialect, see `application`. `None` for networks that have no
            part in which the dialects differ.
        hidden: Widths of the dense layers between the flattened feature map and
            the classifier; without any, the classifier stands on a global pool.
        dropout: Rate of the dropout before the classifier and after each hidden
            dense layer.
        drop_path: Rate at which the last block's branch is dropped in training;
            the rate grows linearly from zero at the first block.
        size: Side of the images that the network was designed for, in pixels.
        classes: How many classes it was designed for.
        size_rule: Which sides fit, where not all do.
        se: How it uses Squeeze-and-Excitation.
    """

    about: str
    variant: str | None = None
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    drop_path: float = 0.0
    size: int = 224
    classes: int = 1000
    size_rule: SizeRule | None = None
    se: SqueezeExciteSpec = field(default_factory=SqueezeExciteSpec)

    @property
    @abstractmethod
    def stages(self) -> tuple[int, ...]:
        """Numbers of the stages that can have SE."""

    @property
    @abstractmethod
    def least(self) -> int:
        """The smallest side of an image, in pixels."""

    @property
    def placements(self) -> tuple[str, ...]:
        """Where SE can stand; one place is no choice, and no argument."""
        return ("standard",)

    @property
    def endpoints(self) -> dict[str, str]:
        """From C2 to C5, the names of the layers that end there."""
        return {}

    @property
    def absent(self) -> tuple[str, ...]:
        """The arguments of the public functions that this network does not have."""
        return () if self.variant else ("variant",)

    def facts(self) -> dict[str, Any]:
        """What changes the function but not, or not always, the weights' shapes."""
        return {"variant": self.variant, **asdict(self.se)}


@dataclass(frozen=True, kw_only=True)
class ResidualSpec(NetworkSpec):
    """A residual network of stages of equal blocks.

    Attributes:
        depths: Blocks in each stage.
        widths: Base width of each stage.
        stem: Convolutions before the first stage: (filters, kernel, stride).
        pool: Whether a 3x3 max pool of stride 2 ends the stem.
        unit: `"residual"` (convolution, normalization, ReLU), `"preactivation"`
            (the other way round; the stem is a bare convolution), or
            `"shake_shake"` (two branches, mixed at random in training).
        block: `"bottleneck"` (1x1, 3x3, 1x1) or `"basic"` (3x3, 3x3).
        reduce: Width of the first 1x1, in base widths.
        middle: Width of the 3x3 of a bottleneck, in base widths.
        expansion: Width of the block's output, in base widths.
        groups: Cardinality: the groups of the 3x3 of a bottleneck.
        strides_by_dialect: Whether the dialect decides which convolution of a
            bottleneck carries the stride; otherwise it is the 3x3.
        strided_shortcut: Kernel of a projection of stride 2.
        pooled_shortcut: Whether a 2x2 average pool carries the stride of a
            projection instead.
    """

    depths: tuple[int, ...]
    variant: str | None = "pytorch"
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stem: tuple[tuple[int, int, int], ...] = ((64, 7, 2),)
    pool: bool = True
    unit: Literal["residual", "preactivation", "shake_shake"] = "residual"
    block: Literal["bottleneck", "basic"] = "bottleneck"
    reduce: int = 1
    middle: int = 1
    expansion: int = 4
    groups: int = 1
    strides_by_dialect: bool = True
    strided_shortcut: int = 1
    pooled_shortcut: bool = False

    @property
    def stages(self) -> tuple[int, ...]:
        """Numbers of the stages; the stem is stage 1, as in the papers."""
        return tuple(range(2, 2 + len(self.depths)))

    @property
    def least(self) -> int:
        """Pixels of the input for one position of the last feature map."""
        stride = 2 if self.pool else 1
        for _, _, stem_stride in self.stem:
            stride *= stem_stride
        return stride * 2 ** (len(self.depths) - 1)

    @property
    def placements(self) -> tuple[str, ...]:
        """All of figure 5 (journal); `"3x3"` is inside a bottleneck."""
        return PLACEMENTS if self.block == "bottleneck" else PLACEMENTS[:-1]

    @property
    def endpoints(self) -> dict[str, str]:
        """The stages, in networks whose last one has stride 32."""
        if self.least != 32:
            return {}
        excited = self.se.stages or self.stages
        behind = self.se.reduction is not None and self.se.placement == "post"
        return {
            f"C{stage}": f"stage{stage}_block{depth}_"
            + ("se" if behind and stage in excited else "out")
            for stage, depth in zip(self.stages, self.depths, strict=True)
        }
