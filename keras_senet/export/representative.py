"""Images from which the ranges of a network in integers are taken."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from keras_senet.errors import InputError


def batches_of(representative: Any, shape: tuple) -> Iterator[np.ndarray]:
    """Goes through representative images, batch by batch.

    Args:
        representative: An array of images, or an iterable of batches of them.
        shape: Of an image; `None` where any size will do.

    Yields:
        Arrays of images.

    Raises:
        InputError: If there are none, or they are no such images.
    """
    batches: Iterable[Any] = representative
    if isinstance(representative, np.ndarray):
        batches = [representative]
    count = 0
    for batch in batches:
        images = np.asarray(batch)
        fits = images.ndim == len(shape) + 1 and all(
            side in (None, given)
            for side, given in zip(shape, images.shape[1:], strict=True)
        )
        if not fits or not np.isfinite(images).all():
            raise InputError(
                f"`representative` should be batches of finite images of shape {shape}."
                f" Received: a batch of shape {images.shape}"
            )
        count += len(images)
        yield images
    if not count:
        raise InputError("`representative` should be images. Received: none at all")
