"""Training batches that can be replayed, evaluation batches that are exact."""

import functools
from typing import Any

from keras_senet.data.augment import augment
from keras_senet.data.source import Source, Split

# Streams have no random access: they are shuffled as they pass, scaled already, so
# that the buffer takes 0.6 GB at 224 pixels.
STREAM_BUFFER = 4096


def training_batches(
    source: Source,
    *,
    size: int,
    batch_size: int,
    seed: int,
    first_epoch: int,
    last_epoch: int,
) -> Any:
    """The batches of all epochs, one after the other.

    Order and augmentation of an epoch depend on the seed and on the epoch's
    number alone, so a run that starts in the middle sees the same images. Each
    epoch sees each image at most once: the images that fill no batch are left
    out, others in each epoch.

    Args:
        source: The data set.
        size: Side of the images, in pixels.
        batch_size: Images in a batch, over all replicas.
        seed: Any integer.
        first_epoch: Number of the first epoch, from 0.
        last_epoch: Number of the epoch to end before, larger than the first.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`, float32 RGB 0..255 of shape
        `(batch_size, size, size, 3)` and int64.
    """
    import tensorflow as tf

    split = source.train
    steps = split.count // batch_size

    def one_epoch(epoch: Any) -> Any:
        def example(index: Any, image: Any, label: Any) -> tuple[Any, Any]:
            key = tf.random.fold_in(tf.random.fold_in((seed, 0), epoch), index)
            image = tf.cast(image, tf.float32)
            return augment(image, source.augmentation, key), label

        return (
            _shuffled(split, size, seed, epoch)
            .take(steps * batch_size)
            .map(example, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(batch_size, drop_remainder=True)
        )

    if split.load is None:
        # TensorFlow's shuffle wants its seed as a number, not as a tensor.
        epochs = (one_epoch(epoch) for epoch in range(first_epoch, last_epoch))
        batches = functools.reduce(lambda a, b: a.concatenate(b), epochs)
    else:
        batches = tf.data.Dataset.range(first_epoch, last_epoch).flat_map(one_epoch)
    # Of an unknown cardinality, Keras would take one step too many each epoch.
    total = steps * (last_epoch - first_epoch)
    batches = batches.apply(tf.data.experimental.assert_cardinality(total))
    return batches.prefetch(tf.data.AUTOTUNE)


def evaluation_batches(split: Split, *, size: int, batch_size: int) -> Any:
    """Batches of equal size that hold every image once.

    The last batch is filled up with black images of weight zero, since replicas
    must not run empty.

    Args:
        split: The images.
        size: Side of the images, in pixels.
        batch_size: Images in a batch, over all replicas.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`: float32 RGB 0..255 of
        shape `(batch_size, size, size, 3)`, int64, and float32, one or zero.
    """
    import tensorflow as tf

    missing = -split.count % batch_size
    padding = tf.data.Dataset.from_tensors(
        (tf.zeros((size, size, 3)), tf.zeros((), tf.int64), tf.zeros(()))
    ).repeat(missing)
    images = split.in_order().map(
        lambda image, label: (resize(image, size), label, tf.ones(())),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    batches = images.concatenate(padding).batch(batch_size, drop_remainder=True)
    total = (split.count + missing) // batch_size
    batches = batches.apply(tf.data.experimental.assert_cardinality(total))
    return batches.prefetch(tf.data.AUTOTUNE)


def resize(image: Any, size: int) -> Any:
    """Takes the square in the center and brings its side to `size`.

    Args:
        image: Tensor of shape `(height, width, 3)`, any number type.
        size: Side of the result, in pixels.

    Returns:
        A float32 tensor of shape `(size, size, 3)`.
    """
    import tensorflow as tf

    shape = tf.shape(image)[:2]
    side = tf.reduce_min(shape)
    top, left = tf.unstack((shape - side) // 2)
    image = tf.image.crop_to_bounding_box(image, top, left, side, side)
    image = tf.image.resize(image, (size, size), antialias=True)
    return tf.ensure_shape(image, (size, size, 3))


def _shuffled(split: Split, size: int, seed: int, epoch: Any) -> Any:
    """`(index, image, label)` of one epoch, in an order of (seed, epoch)."""
    import tensorflow as tf

    load = split.load
    if load is None:

        def scaled(index: Any, example: tuple[Any, Any]) -> tuple[Any, Any, Any]:
            image = tf.round(resize(example[0], size))
            return index, tf.saturate_cast(image, tf.uint8), example[1]

        return (
            split.in_order()
            .enumerate()
            .map(scaled, num_parallel_calls=tf.data.AUTOTUNE)
            .shuffle(min(split.count, STREAM_BUFFER), seed=seed * 1_000_003 + epoch)
        )

    def shuffled(position: Any) -> tuple[Any, Any, Any]:
        key = tf.cast(tf.stack([seed, epoch]), tf.int64)
        index = tf.random.experimental.index_shuffle(
            position, key, tf.cast(split.count - 1, tf.int64)
        )
        image, label = load(index)
        return index, resize(image, size), label

    positions = tf.data.Dataset.range(split.count)
    return positions.map(shuffled, num_parallel_calls=tf.data.AUTOTUNE)
