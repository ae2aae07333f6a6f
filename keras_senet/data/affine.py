"""Moving, turning, scaling, slanting and mirroring an image in one go."""

import math
from typing import Any

from keras_senet.data.augmentation import Augmentation


def move(image: Any, augmentation: Augmentation, key: Any) -> Any:
    """Moves, turns, scales, slants and mirrors one image at random.

    Args:
        image: Tensor of shape `(height, width, channels)`, uint8 or float32.
        augmentation: How far.
        key: Integer tensor of shape `(2,)`; the same key gives the same result.

    Returns:
        A tensor of the same shape and dtype.
    """
    import tensorflow as tf

    amount = tf.random.stateless_uniform((6,), key, minval=-1.0, maxval=1.0)
    height = tf.cast(tf.shape(image)[0], tf.float32)
    width = tf.cast(tf.shape(image)[1], tf.float32)
    angle = amount[0] * math.radians(augmentation.rotation)
    slant = tf.tan(amount[5] * math.radians(augmentation.shear))
    scale = 1.0 + amount[1] * augmentation.zoom
    flip = tf.where(tf.logical_and(augmentation.mirror, amount[2] < 0), -1.0, 1.0)
    # From output to input, about the center: x' = a (x - c) + b (y - c) + c + shift.
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    center_x, center_y = (width - 1) / 2, (height - 1) / 2
    shift_x = amount[3] * augmentation.shift * width
    shift_y = amount[4] * augmentation.shift * height
    row_x = (flip * cos, slant * cos - sin)
    row_y = (flip * sin, slant * sin + cos)
    transform = tf.stack(
        [
            *row_x,
            center_x + shift_x - row_x[0] * center_x - row_x[1] * center_y,
            *row_y,
            center_y + shift_y - row_y[0] * center_x - row_y[1] * center_y,
            0.0,
            0.0,
        ]
    )
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[tf.newaxis],
        transforms=transform[tf.newaxis],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode=augmentation.fill,
    )[0]
    if image.dtype == tf.uint8:
        moved = tf.saturate_cast(tf.round(moved), tf.uint8)
    return tf.ensure_shape(moved, image.shape)
