"""Images with random access: files, or bytes in memory."""

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from keras_senet.data.images import Example, Images, Order
from keras_senet.data.orders import class_order, image_order
from keras_senet.errors import InputError

# What a cache leaves of the memory that is free.
SHARE_OF_MEMORY = 0.8
# Files that are read at once.
AHEAD = 256


# Compared by identity, since arrays have no truth value.
@dataclass(frozen=True, kw_only=True, eq=False)
class Indexed:
    """Images with random access; their references are the numbers of visits.

    Attributes:
        names: Of the images; paths, unless there are `contents`.
        labels: int64 array, the class of each image.
        contents: The bytes of the images, if they are in memory.
    """

    names: Sequence[str]
    labels: Any
    contents: Any = None

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
        """This worker's visits; endless with a seed."""
        import tensorflow as tf

        if order.seed is None:
            return tf.data.Dataset.range(order.worker, self.count, order.workers)
        find = class_order if order.balanced else image_order
        seed = order.seed

        def numbers(epoch: Any, lap: Any) -> Any:
            return find(self.labels, seed, int(epoch), int(lap))

        def visits(lap: Any) -> Any:
            epoch = tf.cast(order.epoch, tf.int64)
            found = tf.numpy_function(numbers, (epoch, lap), tf.int64)
            return tf.data.Dataset.from_tensor_slices(tf.ensure_shape(found, (None,)))

        laps = tf.data.Dataset.counter().flat_map(visits)
        return laps.shard(order.workers, order.worker)

    def name(self, reference: Any) -> str:
        """What the image of a reference is called, though it cannot be read."""
        return self.names[int(reference) % self.count]

    def fetch(self, order: Order, reference: Any) -> Example:
        """The image of a visit."""
        import tensorflow as tf

        names, labels, contents = self._tensors
        index = reference % self.count
        name = tf.gather(names, index)
        encoded = (
            tf.io.read_file(name) if contents is None else tf.gather(contents, index)
        )
        return Example(reference, name, encoded, tf.gather(labels, index))

    @functools.cached_property
    def _tensors(self) -> tuple[Any, Any, Any]:
        import tensorflow as tf

        # Outside of any graph, or each graph would hold a copy.
        with tf.init_scope():
            contents = self.contents
            if contents is not None:
                contents = tf.convert_to_tensor(contents, tf.string)
            return (
                tf.constant(self.names, tf.string),
                tf.constant(self.labels, tf.int64),
                contents,
            )


def in_memory(images: Images) -> Indexed:
    """Reads all images, as they are stored, into memory.

    They have random access then, wherever they came from. One that cannot be read
    is empty, and so a bad one.

    Args:
        images: Images that fit.

    Returns:
        The same images in the same order.

    Raises:
        InputError: If they take more than two fifths of the free memory, since for
            a moment there are two copies.
    """
    import numpy as np
    import psutil
    import tensorflow as tf

    room = psutil.virtual_memory().available * SHARE_OF_MEMORY / 2
    names: list[str] = []
    contents: list[bytes] = []
    labels: list[int] = []
    taken = 0
    for name, encoded, label in _stored(images):
        taken += len(encoded)
        if taken > room:
            raise InputError(
                f"The images do not fit into memory: {len(names)} of {images.count} "
                f"take {taken / 1e9:.1f} GB. Leave out --cache."
            )
        names.append(name)
        contents.append(encoded)
        labels.append(label)
    return Indexed(
        names=names,
        labels=np.array(labels, "int64"),
        contents=tf.constant(contents, tf.string),
    )


def _stored(images: Images) -> Iterator[tuple[str, bytes, int]]:
    """Name, bytes and label of all images."""
    import tensorflow as tf

    if isinstance(images, Indexed) and images.contents is None:
        with ThreadPoolExecutor() as pool:
            for start in range(0, images.count, AHEAD):
                part = images.names[start : start + AHEAD]
                labels = images.labels[start : start + AHEAD]
                yield from zip(part, pool.map(bytes_of, part), labels, strict=True)
        return
    order = Order()
    examples = (
        images.references(order)
        .enumerate()
        .map(
            lambda _, reference: images.fetch(order, reference)[1:],
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    )
    for name, encoded, label in examples.prefetch(16).as_numpy_iterator():
        yield name.decode(errors="replace"), encoded, label


def bytes_of(name: str) -> bytes:
    """The contents of a file; nothing if it cannot be read."""
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError:
        return b""
