"""The operations of RandAugment on uint8 RGB images (Cubuk et al., 2020, section 3).

Ranges are AutoAugment's. A strength of 0 changes nothing, and more is always more:
in the implementation that the authors released, a higher magnitude makes
"posterize" and "solarize" weaker, which later ones corrected (torchvision, and timm
by `inc1`).
"""

import functools
import math
from typing import Any

ROTATION = math.radians(30.0)
SHEAR = 0.3
# 150 of 331 pixels.
SHIFT = 150 / 331
POSTERIZED_BITS = 4
ENHANCEMENT = 0.9
# What appears at the edges, as in the implementation that the authors released.
FILL = 128.0
# ITU-R 601-2, as in PIL.
LUMA = (0.299, 0.587, 0.114)


def _identity(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    return tf.identity(image)


def _auto_contrast(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    low = tf.cast(tf.reduce_min(image, (0, 1)), tf.float32)
    high = tf.cast(tf.reduce_max(image, (0, 1)), tf.float32)
    scale = tf.where(high > low, 255.0 / (high - low), 1.0)
    low = tf.where(high > low, low, 0.0)
    return _pixels((tf.cast(image, tf.float32) - low) * scale)


def _equalize(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    channels = image.shape[-1]
    values = tf.cast(image, tf.int32) + 256 * tf.range(channels)
    counts = tf.raw_ops.DenseBincount(
        input=tf.reshape(values, [-1]),
        size=256 * channels,
        weights=tf.constant([], tf.int32),
    )
    counts = tf.reshape(counts, (channels, 256))
    below = tf.cumsum(counts, axis=1, exclusive=True)
    brightest = tf.cast(tf.reduce_max(image, (0, 1)), tf.int32)
    step = tf.gather(below, brightest[:, tf.newaxis], batch_dims=1) // 255
    levels = (step // 2 + below) // tf.maximum(step, 1)
    levels = tf.where(step > 0, tf.minimum(levels, 255), tf.range(256))
    return tf.gather(tf.reshape(tf.cast(levels, tf.uint8), [-1]), values)


def _rotate(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    angle = strength * ROTATION
    cos, sin = tf.cos(angle), tf.sin(angle)
    x, y = (_side(image, 1) - 1.0) / 2.0, (_side(image, 0) - 1.0) / 2.0
    row_x = (cos, -sin, x - cos * x + sin * y)
    return _moved(image, row_x, (sin, cos, y - sin * x - cos * y))


def _shear_x(image: Any, strength: Any) -> Any:
    return _moved(image, (1.0, strength * SHEAR, 0.0), (0.0, 1.0, 0.0))


def _shear_y(image: Any, strength: Any) -> Any:
    return _moved(image, (1.0, 0.0, 0.0), (strength * SHEAR, 1.0, 0.0))


def _translate_x(image: Any, strength: Any) -> Any:
    shift = strength * SHIFT * _side(image, 1)
    return _moved(image, (1.0, 0.0, shift), (0.0, 1.0, 0.0))


def _translate_y(image: Any, strength: Any) -> Any:
    shift = strength * SHIFT * _side(image, 0)
    return _moved(image, (1.0, 0.0, 0.0), (0.0, 1.0, shift))


def _posterize(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    dropped = tf.cast(tf.round(POSTERIZED_BITS * tf.abs(strength)), tf.uint8)
    mask = tf.bitwise.left_shift(tf.constant(255, tf.uint8), dropped)
    return tf.bitwise.bitwise_and(image, mask)


def _solarize(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    threshold = tf.cast(256.0 * (1.0 - tf.abs(strength)), tf.int32)
    return tf.where(tf.cast(image, tf.int32) < threshold, image, 255 - image)


def _color(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    gray = tf.reduce_sum(tf.cast(image, tf.float32) * LUMA, -1, keepdims=True)
    return _enhanced(image, gray, strength)


def _contrast(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    means = tf.reduce_mean(tf.cast(image, tf.float32), (0, 1))
    return _enhanced(image, tf.round(tf.reduce_sum(means * LUMA)), strength)


def _brightness(image: Any, strength: Any) -> Any:
    return _enhanced(image, 0.0, strength)


def _sharpness(image: Any, strength: Any) -> Any:
    import tensorflow as tf

    pixels = tf.cast(image, tf.float32)
    rows = pixels[:-2] + pixels[1:-1] + pixels[2:]
    squares = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    inner = pixels[1:-1, 1:-1]
    smooth = tf.round((squares + 4.0 * inner) / 13.0)
    # The smoothing leaves pixels at the edges as they are.
    detail = tf.pad(inner - smooth, ((1, 1), (1, 1), (0, 0)))
    return _pixels(pixels + ENHANCEMENT * strength * detail)


def _side(image: Any, axis: int) -> Any:
    import tensorflow as tf

    return tf.cast(tf.shape(image)[axis], tf.float32)


def _moved(image: Any, row_x: tuple, row_y: tuple) -> Any:
    """Takes each pixel from elsewhere, by an affine map of its coordinates."""
    import tensorflow as tf

    # Within integers the operator would cut fractions off.
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[tf.newaxis],
        transforms=tf.stack((*row_x, *row_y, 0.0, 0.0))[tf.newaxis],
        output_shape=tf.shape(image)[:2],
        fill_value=FILL,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return _pixels(moved[0])


def _enhanced(image: Any, plain: Any, strength: Any) -> Any:
    """PIL's `ImageEnhance`: away from the plain image, or towards it."""
    import tensorflow as tf

    pixels = tf.cast(image, tf.float32)
    return _pixels(plain + (1.0 + ENHANCEMENT * strength) * (pixels - plain))


def _pixels(values: Any) -> Any:
    import tensorflow as tf

    return tf.saturate_cast(tf.round(values), tf.uint8)


OPERATIONS = {
    "identity": _identity,
    "auto_contrast": _auto_contrast,
    "equalize": _equalize,
    "rotate": _rotate,
    "solarize": _solarize,
    "color": _color,
    "posterize": _posterize,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
}


def operate(image: Any, number: Any, strength: Any) -> Any:
    """Applies one of `OPERATIONS` to an image.

    Args:
        image: uint8 tensor of shape `(height, width, channels)`.
        number: int32 scalar, the position of the operation.
        strength: float32 scalar from -1 to 1. Operations without two directions
            take its absolute value; "auto_contrast" and "equalize" have none.

    Returns:
        A uint8 tensor of the same shape.
    """
    import tensorflow as tf

    branches = [
        functools.partial(operation, image, strength)
        for operation in OPERATIONS.values()
    ]
    return tf.ensure_shape(tf.switch_case(number, branches), image.shape)
