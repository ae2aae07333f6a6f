"""Batches that hold every image of a split once, whatever is cut out of it."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from keras_senet.data.bad_images import BadImages, batches
from keras_senet.data.crops import check_center_crop, crop_views
from keras_senet.data.decoding import decode
from keras_senet.data.images import Images, Order
from keras_senet.data.steps import worker_share
from keras_senet.data.views import Views
from keras_senet.errors import InputError


def view_batches(
    images: Images,
    views: Views,
    *,
    batch_size: int,
    bad_images: BadImages | None = None,
) -> Any:
    """Batches of equal size that hold every image once, with all its views.

    Args:
        images: The images, a split of a `Source`.
        views: The views.
        batch_size: Images in a batch, each of `views.count` views.
        bad_images: What to do about images that cannot be read; default: raise.
            Skipped ones have weight zero.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`: uint8 RGB 0..255 of shape
        `(batch_size, views.count, size, size, 3)`, int64, and float32, one or zero.

    Raises:
        InputError: If a crop would be larger than what it is cut out of.

    Example:

    ```python
    from keras_senet.data.digits import digits
    from keras_senet.data.views import PROTOCOLS, views_of

    views = views_of(PROTOCOLS["ten-crop"], size=28, shorter=32)
    images, *_ = next(iter(view_batches(digits().test, views, batch_size=4)))
    images.shape  # (4, 10, 28, 28, 3)
    ```
    """
    for shorter in views.shorter_sides:
        check_center_crop(views.size, shorter, views.interpolation)
    return every_image_once(
        images,
        lambda image: crop_views(image, views),
        (views.count, views.size, views.size, 3),
        batch_size=batch_size,
        bad_images=bad_images,
    )


def every_image_once(
    images: Images,
    cut: Callable[[Any], Any],
    shape: tuple[int, ...],
    *,
    batch_size: int,
    bad_images: BadImages | None = None,
    worker: int = 0,
    workers: int = 1,
    threads: int | None = None,
    cache: bool = False,
) -> Any:
    """Batches of equal size that hold every image once.

    The last batch is filled up with black images of weight zero.

    Args:
        images: The images, a split of a `Source`.
        cut: From a decoded image to what the network sees, in uint8.
        shape: Of that.
        batch_size: Images in a batch, over all workers and replicas.
        bad_images: What to do about images that cannot be read; default: raise.
            Skipped ones have weight zero.
        worker: Number of this worker, from 0.
        workers: How many workers share each batch.
        threads: For reading and decoding; `None` is one for each CPU.
        cache: Whether the batches are kept in memory.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`.

    Raises:
        InputError: If batches cannot be shared out.
    """
    import tensorflow as tf

    share = worker_share(batch_size, workers, worker)
    bad = bad_images or BadImages()
    order = Order(worker=worker, workers=workers)
    own = len(range(worker, images.count, workers))
    total = -(-images.count // batch_size)

    @tf.autograph.experimental.do_not_convert
    def prepare(number: Any, reference: Any) -> tuple[Any, ...]:
        example = images.fetch(order, reference)
        return number, cut(decode(example.encoded)), example.label, tf.ones(())

    def visits(_: int, first: int, last: int) -> Iterator[tuple[Order, Any]]:
        references = images.references(order).skip(first).take(last - first)
        return ((order, reference) for reference in references)

    def finish(good: Any, image: Any, label: Any, weight: Any) -> tuple[Any, ...]:
        return image, label, tf.where(good, weight, 0.0)

    numbered = images.references(order).enumerate()
    numbered = numbered.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    # A batch more than needed, so that the loss of the last image is noticed.
    padding = tf.data.Dataset.range(own, (total + 1) * share).map(
        lambda number: (
            number,
            tf.zeros(shape, tf.uint8),
            tf.zeros((), tf.int64),
            tf.zeros(()),
        )
    )
    numbered = numbered.concatenate(padding)
    found = batches(numbered, share, bad, images, visits)
    found = found.map(finish).take(total)
    return ready(found.cache() if cache else found, total, threads, True)


def ready(found: Any, total: int, threads: int | None, deterministic: bool) -> Any:
    """Sets how a data set is run.

    Args:
        found: A `tf.data.Dataset`.
        total: How many elements it has.
        threads: For reading and decoding; `None` is one for each CPU.
        deterministic: Whether their order is kept.

    Returns:
        The data set, of a known length, read ahead.

    Raises:
        InputError: If there are no threads.
    """
    import tensorflow as tf

    if threads is not None and threads < 1:
        raise InputError(f"threads should be at least 1. Received: threads={threads}")
    # Of an unknown cardinality, Keras would take one step too many each epoch.
    found = found.apply(tf.data.experimental.assert_cardinality(total))
    options = tf.data.Options()
    options.deterministic = deterministic
    # Away from the threads that compute; an image is too little work to be divided.
    options.threading.private_threadpool_size = threads or os.cpu_count() or 1
    options.threading.max_intra_op_parallelism = 1
    # Optimizing the graph takes ten seconds for each iterator over several devices,
    # and gains nothing.
    options.experimental_optimization.apply_default_optimizations = False
    return found.prefetch(tf.data.AUTOTUNE).with_options(options)
