"""What every pure function of a key has to fulfil."""

import numpy as np
import tensorflow as tf


def keyed_map(change, inputs, count):
    """A data set of `change(*inputs, key)`, one element for each key."""
    return tf.data.Dataset.range(count).map(
        lambda number: change(*inputs, tf.stack((tf.constant(77, tf.int64), number))),
        num_parallel_calls=8,
    )


def over_keys(change, inputs, count):
    """Results of `change(*inputs, key)`, one for each key."""
    return list(keyed_map(change, inputs, count).as_numpy_iterator())


def check_pure(change, inputs, count=16):
    """Bit-equal when repeated, eager, and from the middle.

    Returns how many results are distinct, and what a graph knows of their shapes.
    """
    dataset = keyed_map(change, inputs, count)
    mapped, again = (list(dataset.as_numpy_iterator()) for _ in range(2))
    middle = list(dataset.skip(count // 2).as_numpy_iterator())
    eager = [
        tf.nest.map_structure(np.asarray, change(*inputs, tf.constant((77, number))))
        for number in range(count)
    ]
    for run in (again, mapped[: count // 2] + middle, eager):
        for expected, found in zip(mapped, run, strict=True):
            tf.nest.map_structure(np.testing.assert_array_equal, found, expected)
    distinct = {tf.nest.flatten(result)[0].tobytes() for result in mapped}
    return len(distinct), dataset.element_spec
