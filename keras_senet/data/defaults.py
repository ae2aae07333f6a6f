"""What is done with images if it is not said: the paper's choices, by their size."""

import math

from keras_senet.data.augmentation import CIFAR, PAPER, Augmentation
from keras_senet.data.source import Source
from keras_senet.errors import InputError

# Networks for images below this side see them whole, and shifted by a few pixels.
SMALL = 96


def chosen_augmentation(
    asked: Augmentation | None, source: Source, size: int
) -> Augmentation:
    """What training images go through if that is not said in full.

    Args:
        asked: What was asked for, if anything was.
        source: The data set, which may have its own.
        size: Side of the images, in pixels.

    Returns:
        What was asked for; or the source's own; or the paper's for images of that
        size (conference paper, sections 5 and 6.2).

    Raises:
        InputError: If what was asked for is something else.
    """
    if asked is not None and not isinstance(asked, Augmentation):
        raise InputError(
            "augmentation should be an Augmentation, such as "
            f"keras_senet.data.augmentation.PAPER. Received: {asked!r}"
        )
    return asked or source.augmentation or (CIFAR if size < SMALL else PAPER)


def shorter_side(size: int) -> int:
    """What the shorter side is resized to before the test.

    Args:
        size: Side of the crop that is tested, in pixels.

    Returns:
        Pixels: 256 for 224 and 352 for 299 (conference paper, section 6.1), an
        eighth cut off at other sizes, too, and nothing at those of small images.
    """
    if size < SMALL:
        return size
    return 352 if size == 299 else math.floor(size / 0.875)
