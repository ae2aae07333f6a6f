"""A buffer that shuffles records in an order of (seed, epoch)."""

from typing import Any

# What waits in memory to be shuffled.
MOST_RECORDS = 4096
MOST_BYTES = 2**29


def affordable(count: int, size: int) -> int:
    """How many records may wait to be shuffled.

    Args:
        count: How many records there are.
        size: How many bytes they take.

    Returns:
        At least one record, and at most 4,096 or half a gigabyte of them.
    """
    return max(1, min(MOST_RECORDS, count, MOST_BYTES * count // max(1, size)))


def shuffled(dataset: Any, buffer: int, seed: Any, epoch: Any) -> Any:
    """Draws at random from a buffer that is filled up in order.

    `Dataset.shuffle` takes no epoch that is a tensor if the global seed is 0, and
    asks for the global seed otherwise; the operation itself does neither.

    Args:
        dataset: A `tf.data.Dataset` of tuples of tensors.
        buffer: How many elements wait in memory.
        seed: Integer, also as a tensor.
        epoch: Integer from 0, also as a tensor.

    Returns:
        A dataset of the same elements. Its order depends on the arguments alone.
    """
    import tensorflow as tf

    spec = dataset.element_spec
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=buffer,
        seed=tf.cast(seed, tf.int64),
        # Two zeros would mean any seed.
        seed2=tf.cast(epoch, tf.int64) + 1,
        output_types=[part.dtype for part in spec],
        output_shapes=[part.shape for part in spec],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, spec)
