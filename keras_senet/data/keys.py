"""Independent random numbers out of the one key of an image or batch."""

from typing import Any

# One entry for each draw; the position tells their numbers apart, so only append.
DRAWS = (
    "jitter",
    "erasing",
    "erased pixels",
    "operations",
    "magnitudes",
    "partners",
    "mixing",
    "weights",
    "places",
    "crop",
    "padding",
    "movement",
    "mirror",
    "layers",
)
APART = 0x9E3779B


def visit_key(seed: int, epoch: Any, number: Any) -> Any:
    """The key of one visit to an image.

    Args:
        seed: Any integer.
        epoch: Number of the epoch, from 0.
        number: Of the visit within the epoch, see `Example`.

    Returns:
        An int64 tensor of shape `(2,)`.
    """
    import tensorflow as tf

    first = tf.constant(seed % 2**31 * 2**32, tf.int64) + tf.cast(epoch, tf.int64)
    return tf.stack([first, tf.cast(number, tf.int64)])


def draw_key(key: Any, draw: str) -> Any:
    """The key of one draw, so that no two draws of an image see the same numbers.

    The keys of neighbors differ in their second part alone, the number of the
    image, which is why a draw changes the first.

    Args:
        key: Integer tensor of shape `(2,)`.
        draw: One of `DRAWS`.

    Returns:
        An integer tensor of shape `(2,)`, for `tf.random.stateless_*`.
    """
    import tensorflow as tf

    key = tf.convert_to_tensor(key)
    return key + tf.constant(((DRAWS.index(draw) + 1) * APART, 0), key.dtype)
