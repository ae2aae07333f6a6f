"""Images in TFRecord files, which are read from their beginning to their end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from keras_senet.data.images import Example, Order
from keras_senet.data.shuffling import MOST_RECORDS, shuffled

# How many files are read in turn.
CYCLE = 16
# Whole shards for each worker may cost this share of an epoch, where sizes differ.
LOSS = 0.01


@dataclass(frozen=True)
class Shard:
    """A run of records in a TFRecord file.

    Attributes:
        path: The file.
        skip: How many of its records come before.
        count: How many records there are in the run.
    """

    path: str
    skip: int
    count: int


class Sharded:
    """Images in TFRecord files, without random access.

    A shuffled epoch takes the shards in an order of its own, reads sixteen of them
    in turn and draws from a buffer of encoded records. All of it is a pure function
    of seed and epoch. To go on in the middle of an epoch the records before are read
    again, but none is decoded.

    Where the number of shards divides by that of the workers, and their sizes hardly
    differ, each worker reads files of its own; otherwise each reads all of them and
    keeps its part.

    References are pairs of the number of a visit and a serialized record. In the
    place of records that cannot be read stand ones without an image, so that
    whoever decodes them notices, and numbers stay what they are.

    Args:
        shards: Where the records are. Their order numbers the images.
        parse: A TensorFlow function from the index of an image and its record to
            name, encoded image and label.
        label: A TensorFlow function from a record to its label alone.
        lost: From a path to the record that stands for those which its file has
            lost.
        counts: How many images each class has; `None` counts them when asked for.
        buffer: How many records wait to be shuffled.

    Example:

    ```python
    from keras_senet.data.images import Order
    from keras_senet.data.sharded import Shard, Sharded

    images = Sharded(
        [Shard("train-0.tfrecord", 0, 900), Shard("train-1.tfrecord", 0, 899)],
        parse=lambda index, record: ("", record, 0),
        label=lambda record: 0,
        lost=lambda path: b"",
    )
    visits = images.references(Order(seed=0, epoch=3, worker=1, workers=2))
    print(images.count, images.share(2))
    ```
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        *,
        parse: Callable[[Any, Any], tuple[Any, Any, Any]],
        label: Callable[[Any], Any],
        lost: Callable[[str], bytes],
        counts: Sequence[int] | None = None,
        buffer: int = MOST_RECORDS,
    ) -> None:
        self._shards = tuple(shard for shard in shards if shard.count)
        self._parse = parse
        self._label = label
        self._lost = lost
        self._counts = counts
        self._buffer = buffer

    @property
    def count(self) -> int:
        """How many images there are."""
        return sum(shard.count for shard in self._shards)

    def share(self, workers: int) -> int:
        """How many visits of an epoch every one of so many workers has at least."""
        return self._least(workers) or self.count // workers

    def class_counts(self, classes: int) -> Any:
        """NumPy array of how many images each class has."""
        import numpy as np

        if self._counts is None:
            self._counts = self._counted()
        counts = np.zeros(max(classes, len(self._counts)), "int64")
        counts[: len(self._counts)] = self._counts
        return counts

    def references(self, order: Order) -> Any:
        """This worker's `(number, record)`; endless with a seed."""
        import tensorflow as tf

        if order.seed is None:
            shards = tf.data.Dataset.range(len(self._shards))
            records = shards.flat_map(lambda shard: self._records(shard, 0))
            return records.shard(order.workers, order.worker)
        if not self.share(order.workers):
            raise ValueError(
                "`order.workers` should be at most the number of images, "
                f"{self.count}. Received: order.workers={order.workers}"
            )
        laps = tf.data.Dataset.counter()
        return laps.flat_map(lambda lap: self._lap(order, lap))

    def fetch(self, order: Order, reference: Any) -> Example:
        """The image in a record."""
        number, record = reference
        return Example(number, *self._parse(number % self.count, record))

    def name(self, reference: Any) -> str:
        """What the image of a reference is called, though it cannot be read."""
        return f"record {int(reference[0]) % self.count}"

    def _least(self, workers: int) -> int:
        """The fewest images in a worker's whole shards; 0 if it reads all instead."""
        own, rest = divmod(len(self._shards), workers)
        least = sum(sorted(shard.count for shard in self._shards)[:own])
        fair = least >= (1 - LOSS) * (self.count // workers)
        return least if fair and not rest else 0

    def _records(self, shard: Any, first: Any) -> Any:
        """The records of one shard with their indices, which begin at `first`."""
        import tensorflow as tf

        paths = tf.constant([shard.path for shard in self._shards])
        lost = tf.constant([self._lost(shard.path) for shard in self._shards])
        skips = tf.constant([shard.skip for shard in self._shards], tf.int64)
        counts = tf.constant([shard.count for shard in self._shards], tf.int64)
        starts = tf.cumsum(counts, exclusive=True)
        path = paths[shard]
        # A pipeline that drops errors would try for ever to open a missing file.
        there = tf.numpy_function(_readable, [path], tf.bool)
        records = tf.data.TFRecordDataset(
            tf.boolean_mask([path], tf.reshape(there, (1,)))
        )
        return (
            records.ignore_errors()
            .skip(skips[shard])
            .concatenate(tf.data.Dataset.from_tensors(lost[shard]).repeat())
            .take(counts[shard])
            .enumerate(first + starts[shard])
        )

    def _lap(self, order: Order, lap: Any) -> Any:
        """One visit to each image of this worker, in an order of (seed, epoch)."""
        import tensorflow as tf

        seed = tf.constant(order.seed, tf.int64)
        epoch = tf.cast(order.epoch, tf.int64)
        repeats = self._repeats() if order.balanced else None
        # Numbers of repeated visits stay below those of the next lap.
        first = lap * self.count * (1 if repeats is None else int(repeats.max()) + 1)
        # `index_shuffle` would give orders that resemble each other.
        random = tf.random.stateless_uniform(
            (len(self._shards),), tf.stack([seed, epoch]), None, None, tf.int64
        )
        shards = tf.argsort(random)
        step = order.workers if self._least(order.workers) else 1
        own = tf.data.Dataset.from_tensor_slices(shards[order.worker % step :: step])
        records = own.interleave(
            lambda shard: self._records(shard, first),
            cycle_length=min(CYCLE, len(self._shards) // step),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        if step == 1:
            records = records.shard(order.workers, order.worker)
        if repeats is not None:
            records = self._repeated(records, repeats, seed, epoch)
        return shuffled(records, min(self._buffer, self.count), seed, epoch)

    def _repeats(self) -> Any:
        """How often an image of each class is visited, so that classes are equal."""
        import numpy as np

        counts = self.class_counts(0)
        return counts[counts > 0].mean() / np.maximum(counts, 1)

    def _repeated(self, records: Any, repeats: Any, seed: Any, epoch: Any) -> Any:
        """Each record as often as its class asks for, with a number for each time."""
        import tensorflow as tf

        rates = tf.constant(repeats, tf.float32)
        # Not from (seed, 0), which the random changes of the image are drawn from.
        base = tf.random.fold_in(tf.stack([seed, tf.ones_like(seed)]), epoch)

        def times(number: Any, record: Any) -> tuple[Any, Any, Any]:
            chance = tf.random.stateless_uniform((), tf.random.fold_in(base, number))
            rate = tf.gather(rates, self._label(record))
            return number, record, tf.cast(tf.floor(rate + chance), tf.int64)

        def repeat(number: Any, record: Any, times: Any) -> Any:
            end = number + times * self.count
            visits = tf.data.Dataset.range(number, end, self.count)
            return visits.map(lambda visit: (visit, record))

        return records.map(
            times, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        ).flat_map(repeat)

    def _counted(self) -> Any:
        import numpy as np
        import tensorflow as tf

        # Asked for within a graph, it has to read the files all the same.
        with tf.init_scope():
            labels = (
                self.references(Order())
                .map(
                    lambda _, record: self._label(record),
                    num_parallel_calls=tf.data.AUTOTUNE,
                )
                .batch(MOST_RECORDS)
            )
            return np.bincount(np.concatenate(list(labels.as_numpy_iterator())))


def _readable(path: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False
