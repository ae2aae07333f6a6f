"""How training images are changed at random, as data."""

from dataclasses import dataclass, fields

from keras_senet.errors import InputError, near_matches


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far training images are changed at random; nothing, by default.

    In this order: crop or pad, mirror, move, jitter, RandAugment, erase; and, for a
    whole batch, mix.

    Attributes:
        crop_area: Least and largest share of the area that a random-size crop takes;
            `None` takes the square in the center instead.
        crop_aspect: Least and largest width of such a crop over its height.
        pad: Black pixels on each side before a crop of the image's size is taken
            (conference paper, section 6.2: 4 for CIFAR).
        mirror: Whether half of the images are flipped horizontally.
        shift: Largest shift in either direction, as a share of the side.
        rotation: Largest rotation in either direction, in degrees.
        zoom: Largest change of the scale in either direction, as a share.
        shear: Largest slant in either direction, in degrees.
        fill: What shifts and rotations bring in: `"CONSTANT"` (black) or `"REFLECT"`.
        jitter: Largest value, out of 255, that is added to or taken from each channel
            of each pixel.
        rand_augment: How many operations of RandAugment each image gets
            (Cubuk et al., 2020).
        magnitude: How strong they are, from 0 to 10.
        erasing: Share of the images of which a rectangle is erased (Zhong et al.,
            2020).
        mixup: Alpha of MixUp (Zhang et al., 2018); zero leaves it out.
        cutmix: Alpha of CutMix (Yun et al., 2019); zero leaves it out. With both, each
            batch gets one of them, half and half.
        label_smoothing: What the labels give to all classes in equal parts
            (Szegedy et al., 2016, section 7).

    Raises:
        InputError: If a number is out of its range.

    Example:

    ```python
    from dataclasses import replace
    from keras_senet.data.augmentation import PAPER

    softer = replace(PAPER, crop_area=(0.35, 1.0), label_smoothing=0.1)
    ```
    """

    crop_area: tuple[float, float] | None = None
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    pad: int = 0
    mirror: bool = False
    shift: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    fill: str = "REFLECT"
    jitter: int = 0
    rand_augment: int = 0
    magnitude: float = 9.0
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("pad", 0, 512),
            ("shift", 0, 1),
            ("rotation", 0, 180),
            ("zoom", 0, 0.99),
            ("shear", 0, 80),
            ("jitter", 0, 255),
            ("rand_augment", 0, 16),
            ("magnitude", 0, 10),
            ("erasing", 0, 1),
            ("mixup", 0, 100),
            ("cutmix", 0, 100),
            ("label_smoothing", 0, 0.99),
        ):
            value = getattr(self, name)
            whole = isinstance(getattr(type(self), name), int)
            kind = int if whole else (int, float)
            if not isinstance(value, kind) or not low <= value <= high:
                raise InputError(
                    f"{name} should be {'an integer' if whole else 'a number'} from "
                    f"{low} to {high}. Received: {name}={value!r}"
                )
        if self.fill not in ("CONSTANT", "REFLECT"):
            raise InputError(
                f"fill should be CONSTANT or REFLECT. Received: fill={self.fill}"
            )
        for name, high in (("crop_area", 1.0), ("crop_aspect", 100.0)):
            value = getattr(self, name)
            if value is None and name == "crop_area":
                continue
            pair = isinstance(value, (tuple, list)) and len(value) == 2
            if not pair or not 0 < value[0] <= value[1] <= high:
                raise InputError(
                    f"{name} should be two numbers, 0 < least <= largest <= {high:g}. "
                    f"Received: {name}={value}"
                )
        if self.crop_area is not None and self.pad:
            raise InputError(
                "A random-size crop and padding exclude each other. Received: "
                f"crop_area={self.crop_area}, pad={self.pad}"
            )

    @property
    def moves(self) -> bool:
        """Whether images are shifted, turned, scaled or slanted."""
        return any((self.shift, self.rotation, self.zoom, self.shear))

    @property
    def mixes(self) -> bool:
        """Whether labels become shares of several classes."""
        return any((self.mixup, self.cutmix, self.label_smoothing))


# Conference paper, section 5 (Implementation).
PAPER = Augmentation(crop_area=(0.08, 1.0), mirror=True)
# The README of the authors' release.
RELEASE = Augmentation(crop_area=(0.08, 1.0), mirror=True, rotation=10, jitter=20)
# The ingredients of Wightman et al., "ResNet strikes back", 2021, table 2, A2.
MODERN = Augmentation(
    crop_area=(0.08, 1.0),
    mirror=True,
    rand_augment=2,
    magnitude=7.0,
    mixup=0.1,
    cutmix=1.0,
)
CIFAR = Augmentation(pad=4, mirror=True)
DIGITS = Augmentation(shift=0.1, rotation=12.0, zoom=0.15, shear=15.0, fill="CONSTANT")
AUGMENTATIONS = {
    "none": Augmentation(),
    "paper": PAPER,
    "release": RELEASE,
    "modern": MODERN,
    "cifar": CIFAR,
    "digits": DIGITS,
}


def augmentation(name: str) -> Augmentation:
    """Looks up an augmentation by name.

    Args:
        name: A key of `AUGMENTATIONS`.

    Returns:
        The augmentation.

    Raises:
        InputError: If there is none of that name.
    """
    if name not in AUGMENTATIONS:
        raise InputError(
            f"There is no augmentation {name!r}. {near_matches(name, AUGMENTATIONS)}"
        )
    return AUGMENTATIONS[name]


def differences(augmentation: Augmentation) -> dict[str, object]:
    """What an augmentation does, for records: the fields that are not the default."""
    default = Augmentation()
    return {
        field.name: getattr(augmentation, field.name)
        for field in fields(augmentation)
        if getattr(augmentation, field.name) != getattr(default, field.name)
    }
