"""A few images of a split, drawn at random, as the network sees them."""

from typing import Any

import numpy as np

from keras_senet.data.crops import center_crop, check_center_crop
from keras_senet.data.decoding import decode
from keras_senet.data.defaults import shorter_side
from keras_senet.data.images import Images, Order
from keras_senet.errors import InputError


def sample(
    images: Images,
    count: int,
    *,
    size: int,
    resize: int | None = None,
    interpolation: str = "bilinear",
    seed: int = 0,
) -> np.ndarray:
    """Draws images without replacement, and prepares them as for evaluation.

    Images that cannot be read are left out.

    Args:
        images: The images, a split of a `Source`.
        count: How many to draw; all of them if there are not as many.
        size: Side of the images, in pixels.
        resize: What the shorter side is resized to before, in pixels; `None` is
            `shorter_side(size)`.
        interpolation: `"bilinear"` or `"bicubic"`.
        seed: Another one draws others.

    Returns:
        A uint8 array of shape `(count, size, size, 3)`, or with fewer images.

    Raises:
        InputError: If none of them can be read, or `resize` is less than `size`.
    """
    import tensorflow as tf

    resize = shorter_side(size) if resize is None else resize
    check_center_crop(size, resize, interpolation)
    order = Order(seed=seed)

    @tf.autograph.experimental.do_not_convert
    def prepared(reference: Any) -> Any:
        image = decode(images.fetch(order, reference).encoded)
        return center_crop(image, size, shorter=resize, interpolation=interpolation)

    drawn = images.references(order).take(min(count, images.count))
    drawn = drawn.map(prepared, num_parallel_calls=tf.data.AUTOTUNE)
    found = list(drawn.ignore_errors().as_numpy_iterator())
    if not found:
        raise InputError("None of the images drawn can be read.")
    return np.stack(found)
