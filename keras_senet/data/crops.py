"""From a stored image to a square of the network's size, for training and testing."""

import functools
import math
from typing import Any

from keras_senet.data.augmentation import Augmentation
from keras_senet.data.decoding import decode, decode_crop, is_plain_jpeg
from keras_senet.data.headers import apart, jpeg_size
from keras_senet.data.views import CENTER, Views
from keras_senet.errors import InputError

# Tries to find a crop within the image, as torchvision does, before giving up.
ATTEMPTS = 10
KERNELS = {"bilinear": "triangle", "bicubic": "keyscubic"}


def random_crop(encoded: Any, size: int, augmentation: Augmentation, key: Any) -> Any:
    """Decodes a crop of random size and aspect, and brings it to a square.

    The random-size crop of the conference paper, section 5 (Szegedy et al., 2015):
    the area is uniform, the aspect uniform in its logarithm. Of a JPEG, only the
    crop is decoded, and crops of twice, four and eight times the size at a half, a
    quarter and an eighth of the resolution. Bilinear.

    Args:
        encoded: String scalar, an image file's bytes.
        size: Side of the result, in pixels.
        augmentation: Area and aspect of the crop.
        key: Integer tensor of shape `(2,)`; the same key gives the same crop.

    Returns:
        A uint8 tensor of shape `(size, size, 3)`.
    """
    import tensorflow as tf

    # One draw for everything: each operation costs as much as a few hundred pixels.
    numbers = tf.random.stateless_uniform((2 * ATTEMPTS + 2,), key)

    four, one = tf.TensorSpec((4,), tf.int32), tf.TensorSpec((), tf.int32)
    smaller = apart(_decode_smaller, (), four, one)

    def from_jpeg() -> Any:
        height, width = tf.unstack(jpeg_size(encoded))
        window = random_window(height, width, augmentation, numbers)
        times = tf.minimum(window[2], window[3]) // size
        image = tf.cond(
            times < 2,
            lambda: decode_crop(encoded, *window),
            lambda: smaller(encoded, tf.stack(window), times),
        )
        # TensorFlow resizes floats in half the time of bytes.
        image = tf.raw_ops.ResizeBilinear(
            images=tf.cast(image, tf.float32)[tf.newaxis],
            size=(size, size),
            half_pixel_centers=True,
        )[0]
        # Nothing overshoots, so that truncation is all that rounding takes.
        return tf.cast(image + 0.5, tf.uint8)

    def from_other() -> Any:
        image = decode(encoded)
        height, width = tf.unstack(tf.shape(image)[:2])
        window = random_window(height, width, augmentation, numbers)
        image = tf.image.crop_to_bounding_box(image, *window)
        return _rounded(tf.image.resize(image, (size, size), antialias=True))

    image = tf.cond(is_plain_jpeg(encoded), from_jpeg, from_other)
    return tf.ensure_shape(image, (size, size, 3))


def _decode_smaller(encoded: Any, window: Any, times: Any) -> Any:
    """Decodes a window at a half, a quarter or an eighth of the resolution."""
    import tensorflow as tf

    level = tf.searchsorted([4, 8], times[tf.newaxis], side="right")[0]
    top, left, height, width = tf.unstack(window)

    def at(ratio: int) -> Any:
        return decode_crop(encoded, top, left, height, width, ratio)

    return tf.switch_case(level, [functools.partial(at, ratio) for ratio in (2, 4, 8)])


def random_window(
    height: Any, width: Any, augmentation: Augmentation, numbers: Any
) -> tuple[Any, Any, Any, Any]:
    """Chooses where a random-size crop lies.

    Args:
        height: int32 scalar, of the image.
        width: int32 scalar, of the image.
        augmentation: Area and aspect of the crop.
        numbers: Tensor of shape `(22,)`, uniform in 0..1.

    Returns:
        int32 scalars: top, left, height, width.
    """
    import tensorflow as tf

    least, largest = augmentation.crop_area or (1.0, 1.0)
    low, high = (math.log(aspect) for aspect in augmentation.crop_aspect)
    tall, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    area = tall * wide * (least + (largest - least) * numbers[:ATTEMPTS])
    half = 0.5 * (low + (high - low) * numbers[ATTEMPTS : 2 * ATTEMPTS])
    side = tf.sqrt(area)
    heights, widths = tf.round(side * tf.exp(-half)), tf.round(side * tf.exp(half))
    # Without one that fits: the largest in the center whose aspect is in the range.
    aspect = tf.clip_by_value(wide / tall, *augmentation.crop_aspect)
    heights = tf.concat([heights, [tf.minimum(tall, tf.round(wide / aspect))]], 0)
    widths = tf.concat([widths, [tf.minimum(wide, tf.round(tall * aspect))]], 0)
    fits = (heights <= tall) & (widths <= wide) & (heights >= 1) & (widths >= 1)
    first = tf.argmax(tf.cast(fits, tf.int8))
    crop_height = tf.maximum(heights[first], 1.0)
    crop_width = tf.maximum(widths[first], 1.0)
    place = tf.where(first == ATTEMPTS, [0.5, 0.5], numbers[2 * ATTEMPTS :])
    # The last place that is possible has the same chance as the others.
    top = tf.minimum(tf.floor(place[0] * (tall - crop_height + 1)), tall - crop_height)
    left = tf.minimum(tf.floor(place[1] * (wide - crop_width + 1)), wide - crop_width)
    window = tf.cast(tf.stack([top, left, crop_height, crop_width]), tf.int32)
    return tuple(tf.unstack(window))


def check_center_crop(size: int, shorter: int, interpolation: str) -> None:
    """Refuses arguments of `center_crop` that it could not follow."""
    if not 1 <= size <= shorter:
        raise InputError(
            "The side of the images should be from 1 to what they are resized to. "
            f"Received: size={size}, resize={shorter}"
        )
    if interpolation not in KERNELS:
        raise InputError(
            f"interpolation should be one of {', '.join(KERNELS)}. "
            f"Received: interpolation={interpolation!r}"
        )


def center_crop(
    image: Any, size: int, *, shorter: int, interpolation: str = "bilinear"
) -> Any:
    """Resizes an image by its shorter side and cuts out the square in the center.

    As PIL and torchvision do it, to the rounding of 8-bit images: the function of
    `keras_senet.layers.ResizeAndCrop` for one image of any size in a `tf.data`
    pipeline, on any backend of Keras.

    Args:
        image: uint8 tensor of shape `(height, width, 3)`.
        size: Side of the result, in pixels.
        shorter: What the shorter side is resized to, in pixels, at least `size`.
        interpolation: `"bilinear"` or `"bicubic"`, with antialiasing.

    Returns:
        A uint8 tensor of shape `(size, size, 3)`.
    """
    import tensorflow as tf

    resized = _resized_sides(image, shorter)
    # Half to even, like Python's `round`, which torchvision calls.
    offset = tf.round((tf.cast(resized, tf.float32) - size) / 2)
    image = _resized(image, resized, interpolation, (size, size), offset)
    return tf.ensure_shape(image, (size, size, 3))


def crop_views(image: Any, views: Views) -> Any:
    """Cuts all views out of an image, as `center_crop` does it with one.

    Args:
        image: uint8 tensor of shape `(height, width, 3)`.
        views: Which.

    Returns:
        A uint8 tensor of shape `(views.count, size, size, 3)`: for one shorter side
        after the other the crops in the order of their places, and then the same
        mirrored.
    """
    import tensorflow as tf

    crops = _center_alone if views.places == (CENTER,) else _crops
    found = []
    for shorter in views.shorter_sides:
        some = crops(image, shorter, views)
        found += [some, some[:, :, ::-1]] if views.mirrored else [some]
    return tf.concat(found, axis=0)


def _center_alone(image: Any, shorter: int, views: Views) -> Any:
    how = views.interpolation
    return center_crop(image, views.size, shorter=shorter, interpolation=how)[None]


def _crops(image: Any, shorter: int, views: Views) -> Any:
    import tensorflow as tf

    # Resized once; most of it is seen in one of the crops.
    sides = _resized_sides(image, shorter)
    whole = _resized(image, sides, views.interpolation, sides, tf.zeros(2))
    room = tf.cast(sides, tf.float32) - views.size
    shape = (views.size, views.size, 3)
    places = (tf.cast(tf.round(room * place), tf.int32) for place in views.places)
    return tf.stack([tf.slice(whole, tf.concat([x, [0]], 0), shape) for x in places])


def _resized_sides(image: Any, shorter: int) -> Any:
    """Height and width of an image after its shorter side was resized."""
    import tensorflow as tf

    sides = tf.shape(image)[:2]
    # Of a narrow image the longer side may pass what 32 bits hold.
    longer = shorter * tf.cast(sides, tf.int64)
    return longer // tf.cast(tf.reduce_min(sides), tf.int64)


def _resized(
    image: Any, resized: Any, interpolation: str, output: Any, offset: Any
) -> Any:
    """A part of an image that is resized to some height and width."""
    import tensorflow as tf

    scale = tf.cast(resized, tf.float32) / tf.cast(tf.shape(image)[:2], tf.float32)

    def along(image: Any, axis: int) -> Any:
        only = tf.one_hot(axis, 2)
        sides = tf.where(only > 0, tf.cast(output, tf.int32), tf.shape(image)[:2])
        return _rounded(
            tf.raw_ops.ScaleAndTranslate(
                images=image[tf.newaxis],
                size=sides,
                scale=tf.where(only > 0, scale, 1.0),
                translation=tf.where(only > 0, -offset, 0.0),
                kernel_type=KERNELS[interpolation],
                antialias=True,
            )[0]
        )

    # PIL resizes the width first, and rounds in between.
    return along(along(image, 1), 0)


def padded_crop(image: Any, pad: int, key: Any) -> Any:
    """Pads an image with black and cuts out one of its old size at random.

    Args:
        image: Tensor of shape `(height, width, channels)`.
        pad: Pixels on each side.
        key: Integer tensor of shape `(2,)`; the same key gives the same crop.

    Returns:
        A tensor of the same shape and dtype.
    """
    import tensorflow as tf

    padded = tf.pad(image, [(pad, pad), (pad, pad), (0, 0)])
    place = tf.random.stateless_uniform((2,), key, 0, 2 * pad + 1, tf.int32)
    begin = tf.concat([place, [0]], 0)
    return tf.ensure_shape(tf.slice(padded, begin, tf.shape(image)), image.shape)


def _rounded(image: Any) -> Any:
    import tensorflow as tf

    # Without saturation an overshoot of bicubic kernels would wrap around.
    return tf.saturate_cast(tf.floor(image + 0.5), tf.uint8)
