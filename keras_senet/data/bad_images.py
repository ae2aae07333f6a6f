"""What happens when an image cannot be read: it is named, or left out and counted."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from keras_senet.data.images import LOST_RECORD, Images, Order
from keras_senet.errors import InputError

POLICIES = ("raise", "skip")
# A share alone would stop a small set at its first bad image.
ALWAYS_BEARABLE = 10
# Beyond any number.
LAST = 2**62


class BadImages:
    """What to do about images that cannot be read, and which ones there were.

    Args:
        policy: `"raise"` stops at the first one and names it. `"skip"` goes on: in
            training the image that follows takes its place, and in evaluation it
            does not count.
        share: Of the images of a split that may be bad before `"skip"` stops, too;
            ten always may.

    Attributes:
        found: What is wrong with each bad image so far, by name.
        error: The error that stopped the pipeline, if one did: TensorFlow passes on
            its text alone.

    Raises:
        InputError: If there is no such policy, or the share is none.

    Example:

    ```python
    from keras_senet.data.bad_images import BadImages

    bad = BadImages("skip", share=0.001)
    # training_batches(source, ..., bad_images=bad)
    print(bad.found)
    ```
    """

    def __init__(self, policy: str = "raise", share: float = 0.01) -> None:
        if policy not in POLICIES:
            raise InputError(
                "on_bad_image should be raise or skip. "
                f"Received: on_bad_image={policy!r}"
            )
        if not 0 <= share <= 1:
            raise InputError(
                "The share of bad images should be from 0 to 1. "
                f"Received: share={share}"
            )
        self.policy = policy
        self.share = share
        self.found: dict[str, str] = {}
        self.error: InputError | None = None

    def add(self, name: str, reason: str, bad: int, count: int) -> None:
        """Notes a bad image.

        Args:
            name: Of the image.
            reason: What is wrong with it.
            bad: How many images of its split have been bad so far, this one included.
            count: How many images its split has, good and bad.

        Raises:
            InputError: If the policy is to stop now.
        """
        self.found[name] = reason
        if self.policy == "raise":
            self.stop(
                f"{name}: {reason} `keras-senet data check` finds all bad images; "
                "`--on-bad-image skip` goes on without them."
            )
        if bad > max(ALWAYS_BEARABLE, self.share * count):
            self.stop(
                f"{bad} of {count} images are bad, more than a share of "
                f"{self.share:g}; the last one is {name}: {reason} "
                "`keras-senet data check` finds all bad images."
            )

    def stop(self, text: str) -> None:
        """Raises an error, and keeps it.

        Args:
            text: What to say.

        Raises:
            InputError: Always.
        """
        self.error = InputError(text)
        raise self.error

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Raises the error of a bad image instead of TensorFlow's about its graph.

        Example:

        ```python
        from keras_senet.data.bad_images import BadImages

        bad = BadImages()
        with bad.named():
            pass  # model.fit(training_batches(source, ..., bad_images=bad))
        ```
        """
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError:
            if self.error is not None:
                raise self.error from None
            raise


def batches(
    numbered: Any,
    size: int,
    bad: BadImages,
    images: Images,
    visits: Callable[[int, int, int], Iterable[tuple[Order, Any]]],
    *,
    epoch: Any = 0,
    end: Any = LAST,
) -> Any:
    """Makes batches of images, and notices those that were lost to errors.

    An error in the map of a `tf.data` pipeline does not tell which image it came
    from, and catching errors image by image costs a quarter of the speed. So errors
    are dropped, and noticed by the numbers that are missing then.

    Args:
        numbered: A `tf.data.Dataset` of `(number, ...)`, the numbers consecutive
            from 0 but for lost ones. It has to be longer than what is used of it,
            or the loss of its end would not be noticed.
        size: Images in a batch; an incomplete one is left out.
        bad: What to do about lost images.
        images: Where they come from.
        visits: From the epoch, a first and a last number to orders and references
            of the images from the first to before the last, eagerly.
        epoch: The epoch, perhaps a tensor.
        end: Number of an element that is no image, perhaps a tensor: it must not
            take the place of one.

    Returns:
        A dataset of batches of `(good, ...)`, always of consecutive numbers: in the
        place of a lost image stands a copy of the one that follows, and `good` is
        false.
    """
    import tensorflow as tf

    seen: set[str] = set()
    stopped: list[int] = []

    def note(epoch: Any, end: Any, first: Any, last: Any) -> Any:
        # What comes after an error is still asked for by whoever reads ahead, who
        # would not stop as long as there are errors.
        if stopped and last > stopped[0]:
            return last
        stopped[:] = [int(last)]
        note_all(epoch, end, first, last)
        stopped.clear()
        return last

    def note_all(epoch: Any, end: Any, first: Any, last: Any) -> None:
        for order, reference in visits(int(epoch), int(first), int(last)):
            name, reason = _looked_at(images, order, reference)
            if name.startswith(LOST_RECORD):
                bad.stop(f"{name}: copy the file again, or pack the data again.")
            seen.add(name)
            bad.add(name, reason, len(seen), images.count)
        if last >= end:
            bad.stop(f"Of the last {int(last - first)} images of an epoch all are bad.")

    def noted(expected: Any, number: Any) -> Any:
        """The number, after those that are missing before it were noted."""
        arguments = (tf.cast(epoch, tf.int64), tf.cast(end, tf.int64), expected, number)
        return tf.cond(
            number > expected,
            lambda: tf.ensure_shape(tf.numpy_function(note, arguments, tf.int64), ()),
            lambda: number,
        )

    kept = numbered.ignore_errors()
    start = tf.constant(0, tf.int64)
    if bad.policy == "raise":

        @tf.autograph.experimental.do_not_convert
        def check(expected: Any, batch: tuple[Any, ...]) -> tuple[Any, Any]:
            numbers = expected + tf.range(size, dtype=tf.int64)
            lost = batch[0] > numbers
            place = tf.argmax(tf.cast(lost, tf.int8))
            last = noted(numbers[place], batch[0][place])
            with tf.control_dependencies([last]):
                return expected + size, (tf.logical_not(lost), *batch[1:])

        return kept.batch(size, drop_remainder=True).scan(start, check)

    @tf.autograph.experimental.do_not_convert
    def step(expected: Any, element: tuple[Any, ...]) -> tuple[Any, Any]:
        number = noted(expected, element[0])
        return number + 1, (number - expected, *element[1:])

    @tf.autograph.experimental.do_not_convert
    def copies(missing: Any, *rest: Any) -> Any:
        times = tf.cast(missing, tf.int32) + 1
        good = tf.equal(tf.range(times), times - 1)
        return good, *(tf.repeat(x[tf.newaxis], times, axis=0) for x in rest)

    whole = kept.scan(start, step).map(copies).unbatch()
    return whole.batch(size, drop_remainder=True)


def _looked_at(images: Images, order: Order, reference: Any) -> tuple[str, str]:
    """Name of an image that was lost, and what is wrong with it."""
    import tensorflow as tf

    from keras_senet.data.fault import fault

    try:
        example = images.fetch(order, reference)
    except tf.errors.OpError as error:
        # "path; No such file or directory", after what TensorFlow says of its graph.
        text = (error.message or "").strip().partition("\n")[0].rpartition("; ")[2]
        return images.name(reference), f"It cannot be read ({text.split(' [Op:')[0]})."
    name = example.name.numpy().decode(errors="replace")
    reason = fault(example.encoded.numpy())
    return name, reason or "It can be decoded, but changing it at random failed."
