"""How an image is to be turned, as its metadata say."""

from typing import Any

from keras_senet.data.exif import (
    APP0,
    APP1,
    COMMENT,
    FILL,
    jpeg_metadata,
    orientation_in,
    png_metadata,
    webp_metadata,
)
from keras_senet.data.headers import (
    ANY,
    JPEG,
    PNG,
    WEBP,
    apart,
    begins_with,
    image_format,
    piece,
)

# JPEGs without metadata: tables follow at once, or after a JFIF segment.
BARE = ("ff d8 ff db", f"ff d8 ff e0 00 10 {' '.join([ANY] * 14)} ff db")


def is_plain_jpeg(encoded: Any) -> Any:
    """Whether these bytes are a JPEG whose pixels lie as they are to be seen.

    Args:
        encoded: The bytes of a file, a string scalar.

    Returns:
        A bool scalar; false for other formats and for JPEGs that are to be turned.
    """
    import tensorflow as tf

    def by_metadata() -> Any:
        return (image_format(encoded) == JPEG) & (orientation(encoded) == 1)

    return tf.cond(_is_bare(encoded), lambda: tf.constant(True), by_metadata)


def orientation(encoded: Any) -> Any:
    """The orientation in EXIF's numbers.

    JPEG, PNG and WebP are searched for EXIF, and JPEG and WebP for XMP, which
    counts where EXIF says nothing. In a JPEG metadata stand before the tables, as
    the standards want it.

    Args:
        encoded: The bytes of a file, a string scalar.

    Returns:
        An int32 scalar, 1 (as stored) to 8.
    """
    import tensorflow as tf

    return tf.cond(
        _is_bare(encoded), lambda: tf.constant(1), lambda: apart(_searched)(encoded)
    )


def turned(image: Any, number: Any) -> Any:
    """Turns an image as an orientation says.

    Args:
        image: Tensor of shape `(height, width, channels)`.
        number: int32 scalar, 1 to 8.

    Returns:
        The image as it is to be seen.
    """
    import tensorflow as tf

    def turn() -> Any:
        one_of = lambda *some: tf.reduce_any(number == tf.constant(some))  # noqa: E731
        order = tf.where(one_of(5, 6, 7, 8), [1, 0, 2], [0, 1, 2])
        rows = tf.where(one_of(3, 4, 7, 8), -1, 1)
        columns = tf.where(one_of(2, 3, 6, 7), -1, 1)
        return tf.transpose(image, order)[::rows, ::columns]

    return tf.cond(number == 1, lambda: image, turn)


def _is_bare(encoded: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_any(begins_with(encoded, BARE))


def _searched(encoded: Any) -> Any:
    import tensorflow as tf

    kind = image_format(encoded)
    branches = [
        (kind == PNG, lambda: apart(png_metadata)(encoded)),
        (kind == WEBP, lambda: apart(webp_metadata)(encoded)),
        (
            (kind == JPEG) & _has_metadata(encoded),
            lambda: apart(jpeg_metadata)(encoded),
        ),
    ]
    metadata = tf.case(branches, default=lambda: tf.constant(["", ""]))
    return tf.cond(
        tf.reduce_all(metadata == ""),
        lambda: tf.constant(1),
        lambda: apart(orientation_in, (2,))(metadata),
    )


def _has_metadata(encoded: Any) -> Any:
    """Whether there may be EXIF or XMP in a JPEG, after comments, profiles and such.

    Many JPEGs have only those, so this has few operations.
    """
    import numpy as np
    import tensorflow as tf

    skipped = np.zeros(2**16, bool)
    skipped[[APP0, *range(APP1 + 1, APP0 + 16), COMMENT]] = True

    def marker_and_length(at: Any) -> Any:
        some = piece(encoded, at, 4)
        pair = tf.io.decode_raw(some, tf.uint16, little_endian=False, fixed_length=4)
        return tf.cast(pair, tf.int32)

    def is_skipped(at: Any, pair: Any) -> Any:
        return tf.gather(skipped, pair[0])

    def skip(at: Any, pair: Any) -> tuple[Any, Any]:
        at += 2 + pair[1]
        return at, marker_and_length(at)

    first = (tf.constant(2), marker_and_length(2))
    _, pair = tf.while_loop(is_skipped, skip, first, parallel_iterations=1)
    return (pair[0] == APP1) | (pair[0] == FILL)
