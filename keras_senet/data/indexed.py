"""Images with random access: files, or bytes in memory."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_senet.data.images import Example, Images, Order
from keras_senet.errors import InputError

# More than any run visits; a range has to end somewhere.
FOR_EVER = 2**62
# What a cache leaves of the memory that is free.
SHARE_OF_MEMORY = 0.8


# Compared by identity, since arrays have no truth value.
@dataclass(frozen=True, kw_only=True, eq=False)
class Indexed:
    """Images with random access; their references are positions in an epoch.

    Attributes:
        names: Of the images; paths, unless there are `contents`.
        labels: int64 array, the class of each image.
        contents: The bytes of the images, if they are in memory.
    """

    names: Sequence[str]
    labels: Any
    contents: Sequence[bytes] | None = None

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.names)

    def share(self, workers: int) -> int:
        """How many visits of an epoch every one of so many workers has at least."""
        return self.count // workers

    def class_counts(self, classes: int) -> Any:
        """NumPy array of how many images each class has."""
        import numpy as np

        return np.bincount(self.labels, minlength=classes)

    def references(self, order: Order) -> Any:
        """This worker's positions; endless with a seed."""
        import tensorflow as tf

        end = self.count if order.seed is None else FOR_EVER
        return tf.data.Dataset.range(order.worker, end, order.workers)

    def fetch(self, order: Order, reference: Any) -> Example:
        """The image at a position of an epoch."""
        import tensorflow as tf

        names, labels, contents = self._tensors
        if order.seed is None:
            index = number = reference
        elif order.balanced:
            index = self._balanced(order, reference)
            number = index + reference * self.count
        else:
            index = _shuffled(
                reference % self.count, order.seed, order.epoch, self.count
            )
            number = index + reference // self.count * self.count
        name = tf.gather(names, index)
        encoded = (
            tf.io.read_file(name) if contents is None else tf.gather(contents, index)
        )
        return Example(number, name, encoded, tf.gather(labels, index))

    def _balanced(self, order: Order, position: Any) -> Any:
        """Class-aware sampling (Shen, Lin and Huang, ECCV 2016, section 4.2).

        Each class comes once in every cycle, in an order of (seed, epoch, cycle);
        the images of a class come one after the other, in an order of its own, and
        again in another one when all have been visited.
        """
        import tensorflow as tf

        members, present, starts, counts = self._classes
        classes = len(present)
        cycle, slot = position // classes, position % classes
        epoch = tf.cast(order.epoch, tf.int64)
        # Cycles of an epoch stay far below this.
        row = _shuffled(slot, order.seed, (epoch + 1) * 2**40 + cycle, classes)
        count = tf.gather(counts, row)
        visit = epoch * -(-self.count // classes) + cycle
        lap = (visit // count) * classes + row
        within = _shuffled(visit % count, order.seed, -1 - lap, count)
        return tf.gather(members, tf.gather(starts, row) + within)

    @functools.cached_property
    def _tensors(self) -> tuple[Any, Any, Any]:
        import tensorflow as tf

        # Outside of any graph, or each graph would hold a copy.
        with tf.init_scope():
            contents = None if self.contents is None else tf.constant(self.contents)
            return (
                tf.constant(self.names, tf.string),
                tf.constant(self.labels, tf.int64),
                contents,
            )

    @functools.cached_property
    def _classes(self) -> tuple[Any, Any, Any, Any]:
        """Images by class; classes that occur; where each begins; how many it has."""
        import numpy as np
        import tensorflow as tf

        members = np.argsort(self.labels, kind="stable")
        present, starts, counts = np.unique(
            np.asarray(self.labels)[members], return_index=True, return_counts=True
        )
        with tf.init_scope():
            tensors = (tf.constant(x, tf.int64) for x in (members, starts, counts))
            members, starts, counts = tensors
        return members, present, starts, counts


def _shuffled(position: Any, seed: Any, salt: Any, count: Any) -> Any:
    """The index at a position of a permutation that seed and salt choose."""
    import tensorflow as tf

    key = tf.stack([tf.cast(seed, tf.int64), tf.cast(salt, tf.int64)])
    last = tf.cast(count, tf.int64) - 1
    return tf.random.experimental.index_shuffle(position, key, last)


def in_memory(images: Images) -> Indexed:
    """Reads all images, as they are stored, into memory.

    They have random access then, wherever they came from.

    Args:
        images: Images that fit.

    Returns:
        The same images in the same order.

    Raises:
        InputError: If they take more than four fifths of the free memory.
    """
    import numpy as np
    import psutil
    import tensorflow as tf

    order = Order()
    visits = images.references(order).enumerate()
    examples = visits.map(
        lambda _, reference: images.fetch(order, reference)[1:],
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    room = psutil.virtual_memory().available * SHARE_OF_MEMORY
    names: list[str] = []
    contents: list[bytes] = []
    labels: list[int] = []
    taken = 0
    for name, encoded, label in examples.prefetch(16).as_numpy_iterator():
        taken += len(encoded)
        # Twice, since TensorFlow gets a copy.
        if 2 * taken > room:
            raise InputError(
                f"The images do not fit into memory: {len(names)} of {images.count} "
                f"take {taken / 1e9:.1f} GB. Leave out --cache."
            )
        names.append(name.decode())
        contents.append(encoded)
        labels.append(label)
    return Indexed(names=names, labels=np.array(labels, "int64"), contents=contents)
