"""A batch of image files to a batch of images, within a graph that is served.

A file that cannot be decoded must not take the answers of the others with it. In a
graph there is no `try`, but `tf.data` can drop the elements that raise, and a data
set may stand within a graph: its one element is the whole batch.
"""

from collections.abc import Callable
from typing import Any

from keras_senet.data.crops import center_crop
from keras_senet.data.decoding import decode, image_size, one_of
from keras_senet.data.headers import JPEG, MAX_PIXELS, PNG, WEBP, apart, image_format
from keras_senet.export.description import Preparation

# At the same time; each may take a few bytes for every pixel of its file.
PARALLEL = 16


def formats(webp: bool) -> tuple[int, ...]:
    """The formats that are decoded."""
    return (JPEG, PNG, WEBP) if webp else (JPEG, PNG)


def images_and_errors(
    encoded: Any, preparation: Preparation, webp: bool
) -> tuple[Any, Any]:
    """Decodes and crops every image of a batch as the data pipeline does.

    Args:
        encoded: A vector of strings, the bytes of files.
        preparation: How a photograph becomes an input.
        webp: Whether WebP files are decoded.

    Returns:
        uint8 images, black where a file cannot be decoded, and a vector of strings
        that say why; empty for the others.
    """
    import tensorflow as tf

    known, size = formats(webp), preparation.size

    def one_image(content: Any) -> Any:
        return center_crop(
            decode(content, known),
            size,
            shorter=preparation.shorter,
            interpolation=preparation.interpolation,
        )

    with tf.device("/CPU:0"):
        black = tf.zeros((size, size, 3), tf.uint8)
        images, good = attempted(one_image, encoded, black)
        errors = tf.cond(
            tf.reduce_all(good),
            lambda: tf.fill(tf.shape(encoded), ""),
            lambda: tf.where(good, "", apart(_reasons(known), (None,))(encoded)),
        )
        return images, errors


def attempted(
    function: Callable[[Any], Any], encoded: Any, nothing: Any
) -> tuple[Any, Any]:
    """Applies a function to each string of a vector, several at a time.

    Args:
        function: From a string to a tensor of the shape of `nothing`.
        encoded: The strings.
        nothing: The result where the function raises.

    Returns:
        The results, and a bool vector that tells where there is one.
    """
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert
    def numbered(number: Any, content: Any) -> tuple[Any, Any]:
        return number, function(content)

    count = tf.size(encoded, out_type=tf.int64)
    found = tf.data.Dataset.from_tensor_slices((tf.range(count), encoded))
    found = found.map(numbered, num_parallel_calls=PARALLEL).ignore_errors()
    # One more, since a batch of none is an error.
    found = found.concatenate(tf.data.Dataset.from_tensors((count, nothing)))
    numbers, results = found.batch(count + 1).get_single_element()
    numbers, results = numbers[:-1, tf.newaxis], results[:-1]
    everywhere = tf.repeat(nothing[tf.newaxis], count, axis=0)
    return (
        tf.tensor_scatter_nd_update(everywhere, numbers, results),
        tf.scatter_nd(numbers, tf.ones_like(numbers[:, 0], tf.bool), [count]),
    )


def _reasons(known: tuple[int, ...]) -> Callable[[Any], Any]:
    """A function that says for each of some files what may be wrong with it."""
    import tensorflow as tf

    def height_and_width(content: Any) -> Any:
        return tf.stack(image_size(content))

    def reasons(encoded: Any) -> Any:
        _, sized = attempted(height_and_width, encoded, tf.zeros(2, tf.int32))
        kinds = tf.map_fn(image_format, encoded, fn_output_signature=tf.int32)
        is_known = tf.reduce_any(kinds[:, tf.newaxis] == tf.constant(known), axis=1)
        reason = tf.where(
            sized,
            "It is truncated or broken.",
            f"Its header is broken, or it has more than {MAX_PIXELS} pixels.",
        )
        reason = tf.where(is_known, reason, f"It is no {one_of(known)}.")
        return tf.where(tf.strings.length(encoded) == 0, "It is empty.", reason)

    return reasons
