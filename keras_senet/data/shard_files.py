"""Writes the shards of a packed data set, each whole or not at all."""

import collections
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor
from pathlib import Path
from typing import Any

from keras_senet.data import records
from keras_senet.data.fault import fault
from keras_senet.data.images import Example, Images, Order
from keras_senet.data.indexed import Indexed, bytes_of
from keras_senet.data.packed import checksum
from keras_senet.errors import InputError
from keras_senet.files import written_whole

# Images that a thread reads ahead, and that wait to be checked for each thread.
READ_AHEAD = 4

# An image, as NumPy values, and what is wrong with it.
Checked = tuple[Example, str | None]


def has_random_access(images: Images) -> bool:
    """Whether references are the positions of the images."""
    import tensorflow as tf

    spec = images.references(Order()).element_spec
    return isinstance(spec, tf.TensorSpec) and spec.dtype == tf.int64


def at(images: Images, positions: Any) -> Iterator[Example]:
    """Reads images at any positions.

    Args:
        images: Images with random access.
        positions: int64 array.

    Returns:
        The images, as NumPy values.
    """
    import tensorflow as tf

    references = tf.data.Dataset.from_tensor_slices(positions)
    return _fetched(images, Order(), references)


def beginning(images: Images, count: int) -> Iterator[Example]:
    """Reads the first images.

    Args:
        images: Any images.
        count: How many to read.

    Returns:
        The images, as NumPy values.
    """
    return _fetched(images, Order(), images.references(Order()).take(count))


def shuffled(images: Images, seed: int, skip: int) -> Iterator[Example]:
    """Reads each image once, in the order of the first epoch of a training.

    Args:
        images: Any images.
        seed: Of their order.
        skip: How many to leave out at the beginning.

    Returns:
        The images, as NumPy values.
    """
    order = Order(seed=seed)
    references = images.references(order).take(images.count).skip(skip)
    return _fetched(images, order, references)


def checked(examples: Iterator[Example]) -> Iterator[Checked]:
    """Says what is wrong with each image."""
    for example in examples:
        yield example, fault(example.encoded)


def checked_by(
    pool: Executor, threads: int, examples: Iterator[Example]
) -> Iterator[Checked]:
    """Says what is wrong with each image, and checks some images ahead.

    Args:
        pool: Of threads.
        threads: How many it has.
        examples: The images.

    Yields:
        The images, in their order, and what is wrong with them.
    """
    waiting: collections.deque[tuple[Example, Any]] = collections.deque()
    for example in examples:
        waiting.append((example, pool.submit(fault, example.encoded)))
        if len(waiting) > READ_AHEAD * threads:
            first, reason = waiting.popleft()
            yield first, reason.result()
    for first, reason in waiting:
        yield first, reason.result()


def write_shard(
    target: Path,
    count: int,
    images: Iterator[Checked],
    *,
    policy: str,
    stopped: threading.Event,
    advance: Callable[[], Any],
) -> dict[str, Any]:
    """Writes one shard.

    Args:
        target: The file.
        count: How many images to take.
        images: Where from.
        policy: What to do about a bad image: `"raise"` or `"skip"`.
        stopped: Set when another shard failed.
        advance: Called after each image.

    Returns:
        What the journal has to know of the shard.

    Raises:
        InputError: If an image is bad, or there are too few.
    """
    import tensorflow as tf

    labels: collections.Counter[int] = collections.Counter()
    skipped = []
    with written_whole(target) as path:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for example, reason in itertools.islice(images, count):
                if stopped.is_set():
                    raise CancelledError
                if reason is None:
                    writer.write(_record(example))
                    labels[int(example.label)] += 1
                else:
                    skipped.append([example.name.decode(errors="replace"), reason])
                    refuse(skipped, policy)
                advance()
        if labels.total() + len(skipped) != count:
            raise InputError(
                f"{target.name} should get {count} images; the source ended after "
                f"{labels.total() + len(skipped)}."
            )
        return {
            "file": target.name,
            "count": labels.total(),
            "bytes": path.stat().st_size,
            "sha256": checksum(path),
            "labels": sorted(labels.items()),
            "skipped": skipped,
        }


def refuse(skipped: list[list[str]], policy: str) -> None:
    """Raises an InputError about a bad image, if that is the policy."""
    if skipped and policy == "raise":
        name, reason = skipped[0]
        raise InputError(
            f"{name}: {reason} `--on-bad-image skip` goes on without such images."
        )


def _record(example: Example) -> bytes:
    return records.serialized(
        {
            records.NAME: example.name,
            records.ENCODED: example.encoded,
            records.LABEL: int(example.label),
        }
    )


def _fetched(images: Images, order: Order, references: Any) -> Iterator[Example]:
    if isinstance(images, Indexed) and images.contents is None:
        return _read(images, references)
    # With numbers, since a reference that is a tuple would be unpacked otherwise.
    visits = references.enumerate().map(
        lambda _, reference: images.fetch(order, reference),
        num_parallel_calls=READ_AHEAD,
        deterministic=True,
    )
    return visits.prefetch(READ_AHEAD).as_numpy_iterator()


def _read(images: Indexed, references: Any) -> Iterator[Example]:
    """Reads files; one that cannot be read is empty, and so a bad image."""
    for number in references.as_numpy_iterator():
        index = number % images.count
        name = images.names[index]
        encoded = bytes_of(name)
        yield Example(number, name.encode(), encoded, images.labels[index])
