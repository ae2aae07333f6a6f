"""Training batches that can be replayed, evaluation batches that are exact."""

from collections.abc import Iterator, Sequence
from typing import Any

from keras_senet.data.augmentation import Augmentation
from keras_senet.data.bad_images import BadImages, batches
from keras_senet.data.crops import center_crop, check_center_crop
from keras_senet.data.defaults import chosen_augmentation, shorter_side
from keras_senet.data.images import Images, Order
from keras_senet.data.keras_layers import keyed
from keras_senet.data.keys import visit_key
from keras_senet.data.once import every_image_once, ready
from keras_senet.data.source import Source
from keras_senet.data.steps import check_interval, steps_per_epoch, worker_share
from keras_senet.data.training_image import mixed, training_image
from keras_senet.errors import InputError


def training_batches(
    source: Source,
    *,
    size: int,
    batch_size: int,
    seed: int,
    first_epoch: int,
    last_epoch: int,
    first_step: int = 0,
    augmentation: Augmentation | None = None,
    layers: Sequence[Any] = (),
    balanced: bool = False,
    bad_images: BadImages | None = None,
    worker: int = 0,
    workers: int = 1,
    threads: int | None = None,
    deterministic: bool = True,
) -> Any:
    """The batches of all epochs, one after the other.

    Order and random changes are a function of the seed, the number of the epoch and
    the image, so a run that starts in the middle sees the same batches. Each epoch
    sees each image at most once: the images that fill no batch are left out, others
    in each epoch. With `balanced`, each class is seen equally often in expectation,
    and so images of large classes not in every epoch.

    Args:
        source: The data set.
        size: Side of the images, in pixels.
        batch_size: Images in a batch, over all workers and replicas.
        seed: Any integer.
        first_epoch: Number of the first epoch, from 0.
        last_epoch: Number of the epoch to end before, larger than the first.
        first_step: How many batches of the first epoch to leave out.
        augmentation: The random changes; `None` takes those of the source, or else
            the paper's: `CIFAR` below a size of 96, `PAPER` from there on.
        layers: Keras preprocessing layers that come after those, one after the other;
            they change each image by itself.
        balanced: Whether classes are sampled rather than images (conference paper,
            section 5, "data balancing").
        bad_images: What to do about images that cannot be read; default: raise.
        worker: Number of this worker, from 0.
        workers: How many workers share each batch.
        threads: For reading and decoding; `None` is one for each CPU.
        deterministic: `False` gives up the order of the images within a few batches
            for the speed of uneven storage. Bad images are errors then that do not
            say which one it was.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`: RGB 0..255 of shape
        `(batch_size / workers, size, size, 3)`, uint8, or float32 where images are
        mixed; int64 labels, or float32 shares of all classes where they are mixed or
        smoothed.

    Raises:
        InputError: If batches cannot be filled or shared out, or a layer changes the
            shape.

    Example:

    ```python
    from keras_senet.data.digits import digits
    from keras_senet.data.pipeline import training_batches

    batches = training_batches(
        digits(), size=32, batch_size=64, seed=0, first_epoch=0, last_epoch=10
    )
    ```
    """
    import tensorflow as tf

    images, bad = source.train, bad_images or BadImages()
    augmentation = chosen_augmentation(augmentation, source, size)
    share = worker_share(batch_size, workers, worker)
    steps = steps_per_epoch(source, batch_size, workers)
    check_interval(first_epoch, last_epoch, first_step, steps)
    check_center_crop(size, size, "bilinear")
    if not deterministic and bad.policy == "skip":
        raise InputError("Bad images can be skipped in a deterministic order only.")

    further = keyed(layers) if layers else None

    def order(epoch: Any) -> Order:
        return Order(
            seed=seed, epoch=epoch, balanced=balanced, worker=worker, workers=workers
        )

    def visits(epoch: int, first: int, last: int) -> Iterator[tuple[Order, Any]]:
        of = order(epoch)
        before = first_step * share if epoch == first_epoch else 0
        references = images.references(of).skip(before + first).take(last - first)
        return ((of, reference) for reference in references)

    # AutoGraph has nothing to convert, and would change errors.
    @tf.autograph.experimental.do_not_convert
    def one_epoch(epoch: Any) -> Any:
        def prepare(number: Any, reference: Any) -> tuple[Any, ...]:
            example = images.fetch(order(epoch), reference)
            key = visit_key(seed, epoch, example.number)
            image = training_image(example.encoded, size, augmentation, key, further)
            return number, image, example.label, key

        done = tf.cast(tf.where(epoch == first_epoch, first_step, 0), tf.int64)
        # A batch more, of which images take the places of lost ones, in their order.
        end = (steps + int(deterministic) - done) * share
        visited = images.references(order(epoch)).skip(done * share).take(end)
        numbered = visited.enumerate().map(
            tf.autograph.experimental.do_not_convert(prepare),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=deterministic,
        )
        if deterministic:
            no_images = tf.data.Dataset.range(end, end + share).map(
                lambda number: (number, *_black(size), tf.zeros(2, tf.int64))
            )
            numbered = numbered.concatenate(no_images)
            found = batches(numbered, share, bad, images, visits, epoch=epoch, end=end)
        else:
            found = numbered.batch(share, drop_remainder=True).map(
                lambda number, *rest: (number >= 0, *rest)
            )
        return found.take(steps - done)

    @tf.autograph.experimental.do_not_convert
    def finish(_: Any, image: Any, label: Any, key: Any) -> tuple[Any, Any]:
        return mixed(image, label, key[0], augmentation, len(source.class_names))

    found = tf.data.Dataset.range(first_epoch, last_epoch).flat_map(one_epoch)
    total = steps * (last_epoch - first_epoch) - first_step
    return ready(found.map(finish), total, threads, deterministic)


def evaluation_batches(
    images: Images,
    *,
    size: int,
    batch_size: int,
    resize: int | None = None,
    interpolation: str = "bilinear",
    bad_images: BadImages | None = None,
    worker: int = 0,
    workers: int = 1,
    threads: int | None = None,
    cache: bool = False,
) -> Any:
    """Batches of equal size that hold every image once.

    The shorter side is resized and the square in the center cut out, to the rounding
    as PIL does it. The last batch is filled up with black images of weight zero,
    since replicas must not run empty; with several workers, each has as many batches.

    Args:
        images: The images, a split of a `Source`.
        size: Side of the images, in pixels.
        batch_size: Images in a batch, over all workers and replicas.
        resize: What the shorter side is resized to before, in pixels; `None` is
            `shorter_side(size)`.
        interpolation: `"bilinear"` or `"bicubic"`.
        bad_images: What to do about images that cannot be read; default: raise.
            Skipped ones have weight zero.
        worker: Number of this worker, from 0.
        workers: How many workers share each batch.
        threads: For reading and decoding; `None` is one for each CPU.
        cache: Whether the batches are kept in memory, for validation.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`: uint8 RGB 0..255 of
        shape `(batch_size / workers, size, size, 3)`, int64, and float32, one or
        zero.

    Raises:
        InputError: If batches cannot be shared out, or `resize` is less than `size`.
    """
    resize = shorter_side(size) if resize is None else resize
    check_center_crop(size, resize, interpolation)

    def cut(image: Any) -> Any:
        return center_crop(image, size, shorter=resize, interpolation=interpolation)

    return every_image_once(
        images,
        cut,
        (size, size, 3),
        batch_size=batch_size,
        bad_images=bad_images,
        worker=worker,
        workers=workers,
        threads=threads,
        cache=cache,
    )


def _black(size: int) -> tuple[Any, Any]:
    """Image and label that stand where there is no image."""
    import tensorflow as tf

    return tf.zeros((size, size, 3), tf.uint8), tf.zeros((), tf.int64)
