"""Images to compare answers on."""

from typing import Any

import numpy as np

from keras_senet.errors import InputError
from keras_senet.export.description import PIXELS, Description


def synthetic_images(description: Description, count: int = 16) -> np.ndarray:
    """Makes up images that are smooth in places and rough in others.

    Args:
        description: Has their shape, and what their values mean.
        count: How many.

    Returns:
        Whole numbers in 0..255, uint8, or normal numbers if that is not the range.
    """
    prepared = description.preparation
    default = prepared.size if prepared else 224
    sides = [side or default for side in description.shape]
    noise = np.random.default_rng(0).normal(size=(count, *sides))
    for axis in (1, 2):
        noise[count // 4 :] = np.cumsum(noise[count // 4 :], axis=axis)
    noise -= noise.mean(axis=(1, 2, 3), keepdims=True)
    noise /= noise.std(axis=(1, 2, 3), keepdims=True)
    if description.pixels != PIXELS:
        return noise.astype("float32")
    return np.clip(128 + 60 * noise, 0, 255).astype("uint8")


def checked_images(images: Any, description: Description) -> np.ndarray:
    """The images as an array, if the files can take them."""
    images = np.asarray(images)
    fits = images.ndim == 4 and all(
        wanted in (None, side)
        for wanted, side in zip(description.shape, images.shape[1:], strict=True)
    )
    if not fits or not len(images):
        raise InputError(
            "`images` should be a batch of images of height, width and channels "
            f"{description.shape}. Received: images of shape {images.shape}"
        )
    return images if images.dtype == np.uint8 else images.astype("float32")
