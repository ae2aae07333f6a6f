"""How published tests prepare an image, by PIL, in torchvision's order of rounding."""

import numpy as np
from PIL import Image

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def resized(image, shorter, interpolation="bilinear"):
    """A PIL image whose shorter side is resized, in whole pixels."""
    sides = (int(shorter * side / min(image.size)) for side in image.size)
    return image.resize(tuple(sides), FILTERS[interpolation])


def cropped(image, left, top, size):
    return np.asarray(image.crop((left, top, left + size, top + size)))


def center(image, size, shorter, interpolation="bilinear"):
    """The square in the center, as an array."""
    image = resized(image, shorter, interpolation)
    left, top = (round((side - size) / 2) for side in image.size)
    return cropped(image, left, top, size)


def assert_same(ours, theirs, share=0.03):
    """Equal but for the rounding of a share of the values; more where images grow."""
    difference = np.abs(np.asarray(ours).astype(int) - theirs)
    assert difference.max() <= 1
    assert (difference > 0).mean() < share
