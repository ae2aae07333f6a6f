"""What is known about a published checkpoint, as data (standard library only)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class InputConvention:
    """What images a network wants, and how it is tested.

    Attributes:
        mean: Mean of each channel of RGB images in 0..255, which is subtracted.
        std: Deviation of each channel, which they are then divided by.
        size: Side of the center crop of the test, in pixels.
        crop: The crop's side as a share of the shorter side of the resized image.
        interpolation: How images are resized: `"bilinear"` or `"bicubic"`.
    """

    mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    std: tuple[float, ...] = (58.395, 57.12, 57.375)
    size: int = 224
    crop: float = 0.875
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


@dataclass(frozen=True, kw_only=True)
class LargerTest:
    """A test of the same weights on larger images.

    Attributes:
        size: Side of the center crop, in pixels.
        crop: The crop's side as a share of the shorter side of the resized image.
        top1: Published top-1 accuracy, in %.
        top5: Published top-5 accuracy, in %.
    """

    size: int
    crop: float
    top1: float
    top5: float


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A published checkpoint.

    Attributes:
        tag: The name by which `weights=` takes it.
        network: Our network, such as `"se_resnet50"`.
        dialect: How its tensors are named: `"timm"`, `"cadene"`, `"mmpretrain"`,
            `"moskomule"`, `"caffe"` or `"qubvel"`.
        file: The file's name.
        hub: The repository on the Hugging Face hub that has it, if it is there.
        url: Where it is otherwise. With neither, a person has to fetch it.
        size: The file's size in bytes, where it was published.
        hashes: The published hash: `("sha256", digits)`, or of `"sha384"` or
            `"md5"`. The digits may be the beginning only.
        variant: The dialect of the network, if it has dialects.
        use_bias: Whether its SE has biases.
        classes: How many classes it tells apart.
        input: The images that it wants.
        top1: Published top-1 accuracy on ImageNet's validation set, in %, center
            crop as in `input`; `None` if there is none.
        top5: Published top-5 accuracy.
        larger: A published test on larger images.
        license: The license of the weights, or of the repository that has them.
        origin: Who trained it, or where it comes from.
    """

    tag: str
    network: str
    dialect: str
    file: str
    hub: str | None = None
    url: str | None = None
    size: int | None = None
    hashes: tuple[str, str] | None = None
    variant: str | None = None
    use_bias: bool = True
    classes: int = 1000
    input: InputConvention = InputConvention()
    top1: float | None = None
    top5: float | None = None
    larger: LargerTest | None = None
    license: str
    origin: str
