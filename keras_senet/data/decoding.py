"""From the bytes of an image file to pixels, within `tf.data` maps and eagerly."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from keras_senet.data.gif import decode_gif, gif_size
from keras_senet.data.headers import (
    BMP,
    GIF,
    JPEG,
    PNG,
    WEBP,
    apart,
    bmp_size,
    image_format,
    jpeg_size,
    png_size,
    require,
    webp_size,
)
from keras_senet.data.headers import (
    MAX_PIXELS as MAX_PIXELS,
)
from keras_senet.data.orientation import (
    is_plain_jpeg as is_plain_jpeg,
)
from keras_senet.data.orientation import (
    orientation,
    turned,
)

# The default of TensorFlow is a fast one that differs by up to 7 levels.
DCT = "INTEGER_ACCURATE"
FAST_DCT = "INTEGER_FAST"
RATIOS = (1, 2, 4, 8)
FORMATS = {JPEG: "JPEG", PNG: "PNG", GIF: "GIF", BMP: "BMP", WEBP: "WebP"}


def image_size(encoded: Any) -> tuple[Any, Any]:
    """Reads the size of an image from its header.

    Args:
        encoded: The bytes of a JPEG, PNG, GIF, BMP or WebP file, a string scalar.

    Returns:
        Height and width, int32 scalars, of what `decode` gives.

    Raises:
        tf.errors.InvalidArgumentError: If these are not the bytes of such a file,
            or it has more than `MAX_PIXELS` pixels.

    Example:

    ```python
    import tensorflow as tf
    from keras_senet.data.decoding import image_size

    height, width = image_size(tf.io.encode_jpeg(tf.zeros((20, 30, 3), tf.uint8)))
    print(int(height), int(width))  # 20 30
    ```
    """
    import tensorflow as tf

    with tf.device("/CPU:0"):
        size = tf.cond(
            is_plain_jpeg(encoded),
            lambda: jpeg_size(encoded),
            lambda: apart(_any_size)(encoded),
        )
        return size[0], size[1]


def decode(encoded: Any, formats: tuple[int, ...] = tuple(FORMATS)) -> Any:
    """Decodes an image to RGB, upright.

    The pixels are those of PIL's
    `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`: grey becomes RGB, and
    CMYK, too, up to one level; an alpha channel is dropped, the first frame stands
    for an animated GIF. Of 16 bits a channel the higher 8 are kept, where PIL would
    clip 16-bit grey. EXIF turns JPEG, PNG and WebP, XMP turns JPEG and WebP; PNG's
    older ways to store either are not looked at.

    Args:
        encoded: The bytes of a JPEG, PNG, GIF, BMP or WebP file, a string scalar.
        formats: Those to decode, `JPEG` among them. What decodes the others stays out
            of the graph, and may be missing where it runs.

    Returns:
        A uint8 tensor of shape `(height, width, 3)`.

    Raises:
        tf.errors.InvalidArgumentError: If these are not the bytes of such a file,
            they are broken, it is a BMP with a palette or an animated WebP, or it has
            more than `MAX_PIXELS` pixels, which is found out before decoding.

    Example:

    ```python
    import tensorflow as tf
    from keras_senet.data.decoding import decode

    encoded = tf.io.encode_png(tf.fill((2, 2, 1), tf.constant(7, tf.uint8)))
    print(decode(encoded)[0, 0].numpy())  # [7 7 7]
    ```
    """
    import tensorflow as tf

    with tf.device("/CPU:0"):
        image = tf.cond(
            is_plain_jpeg(encoded),
            lambda: _decode_jpeg(encoded),
            lambda: apart(_decoder(formats))(encoded),
        )
        return tf.ensure_shape(image, (None, None, 3))


def decode_crop(
    encoded: Any, top: Any, left: Any, height: Any, width: Any, ratio: int = 1
) -> Any:
    """Decodes a window of a JPEG that needs no turning, and nothing around it.

    For training: with `ratio=1` the pixels are those of `decode` to one or two levels
    in the mean, since the faster cosine transform takes a tenth less time, and the
    chroma of the first and the last column is not interpolated from beyond the window.
    Other ratios decode a smaller image in less time, with coefficients of high
    frequency left out, which is close to the average of `ratio` x `ratio` pixels; the
    window then grows outwards to multiples of `ratio`.

    Args:
        encoded: The bytes of a file for which `is_plain_jpeg` holds.
        top: First row of the window in the full image, an int32 scalar.
        left: First column.
        height: Rows of the window.
        width: Columns of the window.
        ratio: By how much the image is scaled down, 1, 2, 4 or 8.

    Returns:
        A uint8 tensor of shape `(height, width, 3)`; with a ratio, both are
        divided by it, rounded outwards.

    Raises:
        ValueError: If there is no such ratio.
        tf.errors.InvalidArgumentError: If the bytes are broken or no JPEG, the
            window is not within the image, or the image has more than `MAX_PIXELS`
            pixels.
    """
    import tensorflow as tf

    if ratio not in RATIOS:
        raise ValueError(f"`ratio` should be one of {RATIOS}. Received: ratio={ratio}")
    with tf.device("/CPU:0"), tf.control_dependencies([jpeg_size(encoded)]):
        bottom, right = -(-(top + height) // ratio), -(-(left + width) // ratio)
        top, left = top // ratio, left // ratio
        return tf.io.decode_and_crop_jpeg(
            encoded,
            tf.stack([top, left, bottom - top, right - left]),
            channels=3,
            ratio=ratio,
            dct_method=FAST_DCT,
        )


def _any_size(encoded: Any) -> Any:
    import tensorflow as tf

    every = (jpeg_size, png_size, gif_size, bmp_size, webp_size)
    readers = dict(zip(FORMATS, every, strict=True))
    number = orientation(encoded)
    with tf.control_dependencies([number]):
        size = _by_format(encoded, readers, tf.zeros(2, tf.int32))
    return tf.where(number >= 5, size[::-1], size)


@functools.cache
def _decoder(formats: tuple[int, ...]) -> Callable[[Any], Any]:
    return functools.partial(_decode_any, formats)


def _decode_any(formats: tuple[int, ...], encoded: Any) -> Any:
    import tensorflow as tf

    every = (_decode_jpeg, _decode_png, decode_gif, _decode_bmp, _decode_webp)
    readers = {number: every[number] for number in formats}
    number = orientation(encoded)
    # One after the other: of two parts at once, the one that fails cancels the other,
    # and now and then it is the cancellation that is reported.
    with tf.control_dependencies([number]):
        image = _by_format(encoded, readers, tf.zeros((0, 0, 3), tf.uint8))
    return turned(image, number)


def one_of(formats: Iterable[int]) -> str:
    """The names of formats, as in "JPEG, PNG or WebP"."""
    *first, last = [FORMATS[number] for number in formats]
    return f"{', '.join(first)} or {last}" if first else last


def _by_format(encoded: Any, readers: dict[int, Callable], nothing: Any) -> Any:
    """Calls the reader of the file's format on it."""
    import tensorflow as tf

    def refuse() -> Any:
        refusal = require(tf.constant(False), f"It is no {one_of(readers)}.")
        with tf.control_dependencies([refusal]):
            return tf.identity(nothing)

    branches = {
        number: functools.partial(apart(reader), encoded)
        for number, reader in readers.items()
    }
    known = [branches.get(number, refuse) for number in FORMATS]
    return tf.switch_case(image_format(encoded), [*known, refuse])


def _decode_jpeg(encoded: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([jpeg_size(encoded)]):
        return tf.io.decode_jpeg(encoded, channels=3, dct_method=DCT)


def _decode_png(encoded: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([png_size(encoded)]):
        return tf.io.decode_png(encoded, channels=3)


def _decode_bmp(encoded: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([bmp_size(encoded)]):
        return tf.io.decode_bmp(encoded, channels=3)


def _decode_webp(encoded: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([webp_size(encoded)]):
        # It refuses to leave out an alpha channel.
        return tf.io.decode_webp(encoded)[0, :, :, :3]
