"""What the first bytes of an image file say: its format and its size."""

import functools
from collections.abc import Callable
from typing import Any

JPEG, PNG, GIF, BMP, WEBP, UNKNOWN = range(6)
ANY = ".."
# How a file of each format begins, in hexadecimal digits; anything else is unknown.
BEGINNINGS = (
    "ff d8 ff",
    "89 50 4e 47 0d 0a 1a 0a",
    f"47 49 46 38 {ANY} 61",
    "42 4d",
    f"52 49 46 46 {ANY} {ANY} {ANY} {ANY} 57 45 42 50",
    ANY,
)
# PIL's own limit: more is taken for an attack, or is none that one would train on.
MAX_PIXELS = 89_478_485
TOO_MANY = "It has too many pixels."
HEADER_BYTES = 64


@functools.cache
def apart(
    function: Callable[..., Any], shape: tuple[int, ...] = (), *others: Any
) -> Callable[..., Any]:
    """Keeps a function of strings apart from the graph that calls it.

    There it is one operation; in a branch that is seldom taken, hundreds of small
    ones would cost a millisecond even untaken.

    Args:
        function: Of a string tensor, and perhaps of others.
        shape: Of the string tensor.
        *others: `tf.TensorSpec`s of the other arguments.

    Returns:
        The same function.
    """
    import tensorflow as tf

    return tf.function(
        function,
        input_signature=[tf.TensorSpec(shape, tf.string), *others],
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


def begins_with(encoded: Any, patterns: tuple[str, ...]) -> Any:
    """Which patterns a file begins with.

    Args:
        encoded: The bytes, a string scalar of any length.
        patterns: Bytes as two hexadecimal digits each, `".."` for any byte.

    Returns:
        A bool vector, one element per pattern.
    """
    import numpy as np
    import tensorflow as tf

    rows = [pattern.split() for pattern in patterns]
    length = max(map(len, rows))
    rows = [row + [ANY] * (length - len(row)) for row in rows]
    known = [[byte != ANY for byte in row] for row in rows]
    wanted = [[int(byte, 16) if byte != ANY else 0 for byte in row] for row in rows]
    first = tf.io.decode_raw(encoded, tf.uint8, fixed_length=length)
    return tf.reduce_all(
        (first == np.array(wanted, "uint8")) | ~np.array(known), axis=1
    )


def image_format(encoded: Any) -> Any:
    """The format by the first bytes: `JPEG` to `WEBP` or `UNKNOWN`, an int32."""
    import tensorflow as tf

    found = begins_with(encoded, BEGINNINGS)
    return tf.argmax(tf.cast(found, tf.int32), output_type=tf.int32)


def piece(encoded: Any, at: Any, length: Any) -> Any:
    """Some of the bytes, fewer where the file has ended.

    TensorFlow would raise an error that quotes the file, and fail at its encoding.
    """
    import tensorflow as tf

    at = tf.clip_by_value(at, 0, tf.strings.length(encoded))
    return tf.strings.substr(encoded, at, length)


def numbers(encoded: Any, at: Any = 0, length: int = HEADER_BYTES) -> Any:
    """Bytes as an int64 vector; zeros where the file has ended."""
    import tensorflow as tf

    some = piece(encoded, at, length)
    return tf.cast(tf.io.decode_raw(some, tf.uint8, fixed_length=length), tf.int64)


def little(values: Any) -> Any:
    """Unsigned numbers of little-endian bytes, along the last axis."""
    import tensorflow as tf

    powers = [256**k for k in range(values.shape[-1])]
    return tf.reduce_sum(values * tf.constant(powers, tf.int64), axis=-1)


def big(values: Any) -> Any:
    """Unsigned numbers of big-endian bytes, along the last axis."""
    return little(values[..., ::-1])


def require(condition: Any, message: str, *numbers: Any) -> Any:
    """An operation that raises InvalidArgumentError unless a condition holds.

    Args:
        condition: A bool scalar.
        message: What holds if it does not.
        *numbers: int32 tensors to be shown with it.
    """
    import tensorflow as tf

    # With text and int32 alone TensorFlow makes one operation of it, no branches.
    return tf.debugging.Assert(condition, [message, *numbers])


def within_limit(height: Any, width: Any) -> Any:
    """The vector of both, as int32, if it is the size of an image we decode."""
    import tensorflow as tf

    size = tf.cast(tf.minimum(tf.stack([height, width]), 2**31 - 1), tf.int32)
    some = require(tf.reduce_all(size > 0), "It has no pixels.")
    with tf.control_dependencies([some, _few_enough(size)]):
        return tf.identity(size)


def _few_enough(size: Any) -> Any:
    import tensorflow as tf

    pixels = tf.reduce_prod(tf.cast(size, tf.int64))
    return require(pixels <= MAX_PIXELS, TOO_MANY, size)


def jpeg_size(encoded: Any) -> Any:
    """Height and width of a JPEG as it is stored, an int32 vector."""
    import tensorflow as tf

    size = tf.image.extract_jpeg_shape(encoded)[:2]
    with tf.control_dependencies([_few_enough(size)]):
        return tf.identity(size)


def png_size(encoded: Any) -> Any:
    """Height and width of a PNG as it is stored."""
    import tensorflow as tf

    header = numbers(encoded)
    whole = require(tf.strings.length(encoded) > 32, "It is truncated.")
    with tf.control_dependencies([whole]):
        return within_limit(big(header[20:24]), big(header[16:20]))


def bmp_size(encoded: Any) -> Any:
    """Height and width of a BMP, if TensorFlow reads it rightly.

    TensorFlow looks neither at the palette nor at the kind of compression.
    """
    import tensorflow as tf

    header = numbers(encoded)
    bits, compression = little(header[28:30]), little(header[30:34])
    colors = little(header[46:50])
    palette_at = tf.cast(14 + little(header[14:18]), tf.int32)
    palette = tf.reshape(numbers(encoded, palette_at, 1024), (256, 4))[:, :3]
    used = tf.range(256, dtype=tf.int64) < tf.where(
        colors > 0, colors, tf.constant(256, tf.int64)
    )
    grey = tf.reduce_all(
        (palette == tf.range(256, dtype=tf.int64)[:, None]) | ~used[:, None]
    )
    masks = tf.constant([0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0], tf.int64)
    bgr = tf.reduce_all(header[54:64] == masks[:10])
    checks = [
        require(little(header[14:18]) >= 40, "It is a BMP of OS/2."),
        require(
            (bits == 24) | (bits == 32) | ((bits == 8) & grey & (colors != 2)),
            "It is a BMP with a palette or less than 8 bits a channel.",
        ),
        require(
            (compression == 0) | ((compression == 3) & (bits == 32) & bgr),
            "It is a compressed BMP.",
        ),
    ]
    height = little(header[22:26])
    # Rows from the top down are marked by a negative number.
    height = tf.where(height >= 2**31, 2**32 - height, height)
    with tf.control_dependencies(checks):
        return within_limit(height, little(header[18:22]))


def webp_size(encoded: Any) -> Any:
    """Height and width of a still WebP as it is stored."""
    import tensorflow as tf

    header = numbers(encoded)
    kind, extended = header[15], ord("X")
    # TensorFlow's decoder kills the process at some animated files.
    still = require(
        (kind != extended) | ((header[20] & 2) == 0), "It is an animated WebP."
    )
    whole = require(tf.strings.length(encoded) >= 30, "It is truncated.")
    packed = little(header[21:25])
    with tf.control_dependencies([still, whole]):
        height, width = tf.case(
            [
                (
                    kind == extended,
                    lambda: (little(header[27:30]) + 1, little(header[24:27]) + 1),
                ),
                (
                    kind == ord("L"),
                    lambda: (packed // 2**14 % 2**14 + 1, packed % 2**14 + 1),
                ),
            ],
            default=lambda: (
                little(header[28:30]) % 2**14,
                little(header[26:28]) % 2**14,
            ),
        )
        return within_limit(height, width)
