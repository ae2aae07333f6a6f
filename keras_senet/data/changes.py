"""Random changes of the pixels of one image, as pure functions of a key.

They are written with stateless operations: the layers of Keras 3.15.1 draw from a
state and do otherwise than the papers. `RandAugment` blurs, inverts or posterizes at
a factor of 0 and rotates by up to 360 degrees at 1; `RandomErasing` turns half of the
pixels that it erases black.
"""

import math
from typing import Any

from keras_senet.data.image_operations import OPERATIONS, operate
from keras_senet.data.keys import draw_key

HIGHEST_MAGNITUDE = 10.0


def jitter(image: Any, key: Any, amount: int) -> Any:
    """Adds noise to every channel of every pixel: "pixel jitter".

    The release of SENet names "pixel jitter +-20"; its author described it as one
    random value for each of height x width x channels
    (github.com/hujie-frank/SENet/issues/38).

    Args:
        image: Tensor of shape `(height, width, channels)` with values 0..255.
        key: Integer tensor of shape `(2,)`; the same key gives the same result.
        amount: Largest change; each integer between it and its negative is as
            probable.

    Returns:
        A tensor of the same shape and dtype, within 0..255.

    Example:

    ```python
    import tensorflow as tf

    from keras_senet.data.changes import jitter

    noisy = jitter(tf.zeros((32, 32, 3), tf.uint8), key=(1, 2), amount=20)
    int(tf.reduce_max(noisy))  # 20
    ```
    """
    import tensorflow as tf

    image = tf.convert_to_tensor(image)
    # Sums of integers are exact, in whatever order a graph adds them.
    noise = tf.random.stateless_uniform(
        tf.shape(image), draw_key(key, "jitter"), -amount, amount + 1, dtype=tf.int32
    )
    exact = tf.int32 if image.dtype.is_integer else image.dtype
    changed = tf.cast(image, exact) + tf.cast(noise, exact)
    changed = tf.cast(tf.clip_by_value(changed, 0, 255), image.dtype)
    return tf.ensure_shape(changed, image.shape)


def random_erasing(
    image: Any,
    key: Any,
    *,
    probability: float = 0.25,
    area: tuple[float, float] = (0.02, 1 / 3),
    aspect: tuple[float, float] = (0.3, 1 / 0.3),
) -> Any:
    """Fills a rectangle with random pixels (Zhong et al., 2020, "RE-R").

    Instead of drawing rectangles until one fits, the aspect ratio is drawn among
    those that fit, uniformly on a logarithmic scale.

    Args:
        image: Tensor of shape `(height, width, channels)` with values 0..255.
        key: Integer tensor of shape `(2,)`; the same key gives the same result.
        probability: Share of images that are changed.
        area: Least and largest share of the image's area.
        aspect: Least and largest ratio of height to width.

    Returns:
        A tensor of the same shape and dtype.

    Raises:
        ValueError: If the probability is not within 0..1.

    Example:

    ```python
    import tensorflow as tf

    from keras_senet.data.changes import random_erasing

    image = tf.zeros((32, 32, 3), tf.uint8)
    erased = random_erasing(image, key=(1, 2), probability=1.0)
    ```
    """
    import tensorflow as tf

    if not 0 <= probability <= 1:
        raise ValueError(
            f"`probability` should be within 0..1. Received: probability={probability}"
        )
    image = tf.convert_to_tensor(image)
    draws = tf.random.stateless_uniform((5,), draw_key(key, "erasing"))

    def erased() -> Any:
        box = _box(tf.shape(image)[:2], draws[1:], area, aspect)
        top, left, height, width = tf.unstack(box)
        noise = tf.random.stateless_uniform(
            (height, width, image.shape[-1]),
            draw_key(key, "erased pixels"),
            0,
            256,
            dtype=tf.int32,
        )
        rows = image[top : top + height]
        parts = (rows[:, :left], tf.cast(noise, image.dtype), rows[:, left + width :])
        middle = tf.concat(parts, axis=1)
        return tf.concat((image[:top], middle, image[top + height :]), axis=0)

    changed = tf.cond(draws[0] < probability, erased, lambda: tf.identity(image))
    return tf.ensure_shape(changed, image.shape)


def rand_augment(
    image: Any,
    key: Any,
    *,
    operations: int = 2,
    magnitude: float = 9.0,
    deviation: float = 0.5,
) -> Any:
    """Applies operations drawn at random, each with one strength (Cubuk et al., 2020).

    Each image draws its operations among the paper's fourteen, with equal
    probability, and the direction of those that have two.

    Args:
        image: uint8 tensor of shape `(height, width, 3)`.
        key: Integer tensor of shape `(2,)`; the same key gives the same result.
        operations: How many operations follow each other (N in the paper).
        magnitude: How strong they are, from 0 to 10 (M in the paper).
        deviation: Standard deviation of a normal noise that is added to the
            magnitude, anew for each operation (`mstd` in timm); 0 is the paper's.

    Returns:
        A uint8 tensor of the same shape.

    Raises:
        ValueError: If the image is not of uint8, or the magnitude not within 0..10.

    Example:

    ```python
    import tensorflow as tf

    from keras_senet.data.changes import rand_augment

    image = tf.zeros((32, 32, 3), tf.uint8)
    changed = rand_augment(image, key=(1, 2), operations=2, magnitude=9.0)
    ```
    """
    import tensorflow as tf

    image = tf.convert_to_tensor(image)
    if image.dtype != tf.uint8:
        raise ValueError(f"`image` should be of uint8. Received: {image.dtype.name}")
    if not 0 <= magnitude <= HIGHEST_MAGNITUDE:
        raise ValueError(
            f"`magnitude` should be within 0..10. Received: magnitude={magnitude}"
        )
    draws = tf.random.stateless_uniform((2, operations), draw_key(key, "operations"))
    numbers = tf.cast(draws[0] * len(OPERATIONS), tf.int32)
    levels = tf.fill((operations,), float(magnitude))
    if deviation:
        noise = tf.random.stateless_normal(
            (operations,), draw_key(key, "magnitudes"), stddev=deviation
        )
        levels = tf.clip_by_value(levels + noise, 0.0, HIGHEST_MAGNITUDE)
    strengths = tf.where(draws[1] < 0.5, -levels, levels) / HIGHEST_MAGNITUDE
    for place in range(operations):
        image = operate(image, numbers[place], strengths[place])
    return image


def _box(
    size: Any, draws: Any, area: tuple[float, float], aspect: tuple[float, float]
) -> Any:
    """Top, left, height and width of a rectangle within an image."""
    import tensorflow as tf

    sides = tf.cast(size, tf.float32)
    square = (area[0] + draws[0] * (area[1] - area[0])) * tf.reduce_prod(sides)
    least = tf.maximum(math.log(aspect[0]), tf.math.log(square / sides[1] ** 2))
    most = tf.minimum(math.log(aspect[1]), tf.math.log(sides[0] ** 2 / square))
    ratio = tf.exp(least + draws[1] * (most - least))
    lengths = tf.round(tf.sqrt(square * tf.stack((ratio, 1.0 / ratio))))
    lengths = tf.clip_by_value(lengths, 1.0, sides)
    corner = tf.floor(draws[2:] * (sides - lengths + 1.0))
    return tf.cast(tf.concat((corner, lengths), axis=0), tf.int32)
