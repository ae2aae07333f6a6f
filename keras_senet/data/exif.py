"""The orientation in the metadata of JPEG, PNG and WebP files."""

from collections.abc import Callable
from typing import Any

from keras_senet.data.headers import big, little, numbers, piece

# Of the metadata's segments: enough to tell EXIF from XMP and XMP from its extension.
SEGMENT_BYTES = 28
# JPEG's markers of segments, and the byte that fills up before one.
APP0, APP1, COMMENT, FILL = 0xFFE0, 0xFFE1, 0xFFFE, 0xFFFF
ORIENTATION_TAG, SHORT, LONG = 0x0112, 3, 4
XMP = rb'\C*?tiff:Orientation(?:="|>)([0-9])\C*'


def jpeg_metadata(encoded: Any) -> Any:
    """EXIF and XMP of a JPEG, two strings, empty if there are none."""
    import tensorflow as tf

    def segment(head: Any) -> tuple[Any, Any, Any, Any]:
        marker = big(head[:2])
        known = (marker >= APP0) & (marker < APP0 + 16) | (marker == COMMENT)
        length = tf.cast(known, tf.int64) * (2 + big(head[2:4]))
        length = tf.where(marker == FILL, tf.ones_like(length), length)
        exif = (marker == APP1) & _spells(head[4:], b"Exif\0\0")
        xmp = (marker == APP1) & _spells(head[4:], b"http://ns.adobe.com/xap/")
        return length, 4, exif, xmp

    return _found(encoded, 2, segment)


def png_metadata(encoded: Any) -> Any:
    """EXIF and XMP of a PNG, two strings, empty if there are none."""
    import tensorflow as tf

    def chunk(head: Any) -> tuple[Any, Any, Any, Any]:
        exif = _spells(head[4:], b"eXIf")
        return big(head[:4]) + 12, 8, exif, tf.constant(False)

    return _found(encoded, 8, chunk)


def webp_metadata(encoded: Any) -> Any:
    """EXIF and XMP of a WebP, two strings, empty if there are none."""

    def chunk(head: Any) -> tuple[Any, Any, Any, Any]:
        length = little(head[4:8])
        exif, xmp = _spells(head, b"EXIF"), _spells(head, b"XMP ")
        return length + length % 2 + 8, 8, exif, xmp

    return _found(encoded, 12, chunk)


def _spells(head: Any, text: bytes) -> Any:
    import tensorflow as tf

    return tf.reduce_all(head[: len(text)] == tf.constant(list(text), tf.int64))


def _found(
    encoded: Any, start: int, describe: Callable[[Any], tuple[Any, Any, Any, Any]]
) -> Any:
    """The contents of the first EXIF and XMP segments, empty if there are none.

    Args:
        encoded: The bytes of a file.
        start: Where the first segment begins.
        describe: From a segment's first bytes to its length with everything (0
            ends the search), the length of its head, and whether it is EXIF, XMP.
    """
    import tensorflow as tf

    size = tf.strings.length(encoded)

    def unread(at: Any, exif: Any, xmp: Any) -> Any:
        return (at + 4 <= size) & (exif[1] == 0)

    def step(at: Any, exif: Any, xmp: Any) -> tuple[Any, Any, Any]:
        length, head, is_exif, is_xmp = describe(numbers(encoded, at, SEGMENT_BYTES))
        # Lengths reach up to 2**32, positions do not.
        length = tf.cast(tf.minimum(length, tf.cast(size - at, tf.int64)), tf.int32)
        content = tf.stack([at + head, tf.maximum(length - head, 0)])
        after = tf.where(length > 0, at + length, size)
        exif = tf.where(is_exif, content, exif)
        return after, exif, tf.where(is_xmp & (xmp[1] == 0), content, xmp)

    nothing = tf.constant([0, 0])
    _, exif, xmp = tf.while_loop(
        unread, step, (tf.constant(start), nothing, nothing), parallel_iterations=1
    )
    at, length = tf.unstack(tf.stack([exif, xmp], axis=1))
    return piece(encoded, at, length)


def orientation_in(metadata: Any) -> Any:
    """The orientation that EXIF gives, or else XMP, or else 1.

    Args:
        metadata: EXIF and XMP, a vector of two strings.

    Returns:
        An int32 scalar, 1 to 8.
    """
    import tensorflow as tf

    exif, xmp = tf.unstack(metadata)
    digit = tf.strings.regex_replace(xmp, XMP, r"\1")
    digit = tf.where(tf.strings.length(digit) == 1, digit, "1")
    values, there = _tags(exif)
    number = tf.where(
        there, values, tf.strings.to_number(digit, tf.int64, name="orientation")
    )
    number = tf.cast(tf.clip_by_value(number, 0, 9), tf.int32)
    return tf.where((number >= 1) & (number <= 8), number, 1)


def _tags(exif: Any) -> tuple[Any, Any]:
    """The orientation's value in EXIF, and whether there is one."""
    import tensorflow as tf

    named = _spells(numbers(exif, 0, 6), b"Exif\0\0")
    tiff = piece(exif, tf.where(named, 6, 0), tf.strings.length(exif))
    head = numbers(tiff, 0, 8)
    intel = _spells(head, b"II")
    magic = big(head[2:4])
    known = (intel | _spells(head, b"MM")) & ((magic == 42) | (magic == 42 * 256))

    def number(values: Any) -> Any:
        return tf.where(intel, little(values), big(values))

    size = tf.cast(tf.strings.length(tiff), tf.int64)
    at = tf.cast(tf.where(known, tf.minimum(number(head[4:8]), size), size), tf.int32)
    count = number(numbers(tiff, at, 2))
    whole = tf.maximum(size - tf.cast(at, tf.int64) - 2, 0) // 12
    count = tf.cast(tf.minimum(count, whole), tf.int32)
    directory = piece(tiff, tf.where(count > 0, at + 2, 0), count * 12)
    entries = tf.reshape(tf.io.decode_raw(directory, tf.uint8), (-1, 12))
    entries = tf.cast(entries, tf.int64)
    is_tag = number(entries[:, :2]) == ORIENTATION_TAG
    kind, once = number(entries[:, 2:4]), number(entries[:, 4:8]) == 1
    short, long = number(entries[:, 8:10]), number(entries[:, 8:12])
    value = tf.where(kind == SHORT, short, long)
    counts = is_tag & once & ((kind == SHORT) | (kind == LONG))
    value *= tf.cast(counts, tf.int64)
    return tf.reduce_sum(value), tf.reduce_any(is_tag)
