"""The first frame of a GIF, on its whole canvas."""

from typing import Any, NamedTuple

from keras_senet.data.headers import little, numbers, piece, require, within_limit

EXTENSION, FRAME = 0x21, 0x2C
# A second frame of one pixel: it is read only if the first was read to its end, for
# TensorFlow returns what there is of a broken file, down to memory never written.
SENTINEL = bytes.fromhex("2c 0000 0000 0100 0100 80 000000 000000 02 02 4401 00 3b")


class Frame(NamedTuple):
    """Where the first frame lies in the file, and on the canvas.

    Attributes:
        at: Position of its descriptor in the file.
        transparent: Number of the transparent color, -1 for none.
        canvas: Height and width of the image, an int32 vector.
        corner: Top and left of the frame on it.
        size: Height and width of the frame.
    """

    at: Any
    transparent: Any
    canvas: Any
    corner: Any
    size: Any


def gif_size(encoded: Any) -> Any:
    """Height and width of a GIF's first frame with its canvas."""
    return _frame(encoded).canvas


def decode_gif(encoded: Any) -> Any:
    """The first frame, with the colors of what is transparent, like PIL's.

    Args:
        encoded: The bytes of a GIF file.

    Returns:
        A uint8 tensor of shape `(height, width, 3)`.
    """
    import tensorflow as tf

    frame = _frame(encoded)
    at = frame.at
    size, flags = (piece(encoded, at + k, n) for k, n in ((5, 4), (9, 1)))
    own_colors = _palette_bytes(numbers(encoded, at + 9, 1)[0])
    shared_colors = _palette_bytes(numbers(encoded, 10, 1)[0])
    data = at + 10
    with tf.control_dependencies([frame.canvas]):
        end = _past_blocks(encoded, data + own_colors + 1)
    # Without extensions, since TensorFlow paints what is transparent black, and
    # without the other frames, which it would decode in vain.
    alone = tf.strings.join(
        [
            b"GIF89a",
            size,
            piece(encoded, 10, 1),
            b"\0\0",
            piece(encoded, 13, shared_colors),
            b",\0\0\0\0",
            size,
            flags,
            piece(encoded, data, end - data),
            SENTINEL,
        ]
    )
    frames = tf.io.decode_gif(alone)
    whole = require(tf.shape(frames)[0] == 2, "It is a broken GIF.")
    with tf.control_dependencies([whole]):
        image = frames[0]
    palette_at = tf.where(own_colors > 0, data, 13)
    palette = tf.reshape(numbers(encoded, palette_at, 768), (256, 3))
    fill = tf.cast(palette[tf.maximum(frame.transparent, 0)], tf.uint8)
    covered = tf.reduce_all(frame.canvas == frame.size)
    return tf.cond(covered, lambda: image, lambda: _on_canvas(image, frame, fill))


def _on_canvas(image: Any, frame: Frame, fill: Any) -> Any:
    import tensorflow as tf

    after = frame.canvas - frame.corner - frame.size
    around = tf.pad(tf.stack([frame.corner, after], axis=1), [(0, 1), (0, 0)])
    inside = tf.pad(tf.ones_like(image, tf.bool), around)
    return tf.where(inside, tf.pad(image, around), fill)


def _frame(encoded: Any) -> Frame:
    import tensorflow as tf

    header = numbers(encoded, 0, 13)
    start = 13 + _palette_bytes(header[10])

    def is_extension(at: Any, transparent: Any) -> Any:
        return numbers(encoded, at, 1)[0] == EXTENSION

    def skip(at: Any, transparent: Any) -> tuple[Any, Any]:
        head = numbers(encoded, at, 7)
        control = (head[1] == 0xF9) & (head[2] >= 4) & (head[3] & 1 == 1)
        color = tf.where(control, tf.cast(head[6], tf.int32), transparent)
        return _past_blocks(encoded, at + 2), color

    at, transparent = tf.while_loop(
        is_extension, skip, (start, tf.constant(-1)), parallel_iterations=1
    )
    head = numbers(encoded, at, 10)
    left, top, width, height = (little(head[k : k + 2]) for k in (1, 3, 5, 7))
    found = require(
        (head[0] == FRAME) & (height > 0) & (width > 0), "It is a GIF without a frame."
    )
    with tf.control_dependencies([found]):
        canvas = within_limit(
            tf.maximum(little(header[8:10]), top + height),
            tf.maximum(little(header[6:8]), left + width),
        )
    corner, size = (tf.cast(x, tf.int32) for x in ([top, left], [height, width]))
    return Frame(at, transparent, canvas, corner, size)


def _palette_bytes(flags: Any) -> Any:
    import tensorflow as tf

    return tf.where(flags >= 128, 6 * 2 ** tf.cast(flags % 8, tf.int32), 0)


def _past_blocks(encoded: Any, at: Any) -> Any:
    """The position after a chain of blocks, each of which begins with its length."""
    import tensorflow as tf

    size = tf.strings.length(encoded)
    data = tf.io.decode_raw(encoded, tf.uint8)

    def more(at: Any, ended: Any) -> Any:
        return ~ended & (at < size)

    def step(at: Any, ended: Any) -> tuple[Any, Any]:
        # Blocks of 255 bytes stand in rows of hundreds: all at once.
        lengths = data[at::256]
        full = tf.reduce_sum(tf.math.cumprod(tf.cast(lengths == 255, tf.int32)))
        at += 256 * full
        length = numbers(encoded, at, 1)[0]
        return at + tf.cast(length, tf.int32) + 1, length == 0

    at, ended = tf.while_loop(
        more, step, (at, tf.constant(False)), parallel_iterations=1
    )
    whole = require(ended & (at <= size), "It is truncated.")
    with tf.control_dependencies([whole]):
        return tf.identity(at)
