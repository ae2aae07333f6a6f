"""What happens when an image cannot be read: it is named, or left out and counted."""

from collections.abc import Callable
from typing import Any

from keras_senet.errors import InputError

POLICIES = ("raise", "skip")
# A share alone would stop a small set at its first bad image.
ALWAYS_BEARABLE = 10


class BadImages:
    """What to do about images that cannot be read, and which ones there were.

    Args:
        policy: `"raise"` stops at the first one and names it. `"skip"` goes on: in
            training the image that follows takes its place, and in evaluation it
            does not count.
        share: Of the images that may be bad before `"skip"` stops, too; ten always
            may.

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

    def add(self, name: str, reason: str, count: int) -> None:
        """Notes a bad image.

        Args:
            name: Of the image.
            reason: What is wrong with it.
            count: How many images there are, good and bad.

        Raises:
            InputError: If the policy is to stop now.
        """
        self.found[name] = reason
        if self.policy == "raise":
            self._stop(f"{name}: {reason}")
        if len(self.found) > max(ALWAYS_BEARABLE, self.share * count):
            self._stop(
                f"{len(self.found)} of {count} images are bad, more than a share of "
                f"{self.share:g}; the last one is {name}: {reason}"
            )

    def _stop(self, text: str) -> None:
        self.error = InputError(
            f"{text} `keras-senet data check` finds all bad images; "
            "`--on-bad-image skip` goes on without them."
        )
        raise self.error


def batches(
    numbered: Any,
    size: int,
    example_at: Callable[[int], Any],
    bad: BadImages,
    count: int,
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
        example_at: From a number to the `Example`, eagerly.
        bad: What to do about lost images.
        count: How many images there are.

    Returns:
        A dataset of batches of `(good, ...)`, always of consecutive numbers: in the
        place of a lost image stands a copy of the one that follows, and `good` is
        false.
    """
    import tensorflow as tf

    def note(first: Any, last: Any) -> Any:
        # What comes after the end is counted wrongly, and still asked for.
        if bad.error is not None:
            raise bad.error
        for number in range(int(first), int(last)):
            bad.add(*_named(example_at, number), count)
        return last

    def noted(expected: Any, number: Any) -> Any:
        """The number, after those that are missing before it were noted."""
        return tf.cond(
            number > expected,
            lambda: tf.ensure_shape(
                tf.numpy_function(note, (expected, number), tf.int64), ()
            ),
            lambda: number,
        )

    kept = numbered.ignore_errors()
    start = tf.constant(0, tf.int64)
    if bad.policy == "raise":

        def check(expected: Any, batch: tuple[Any, ...]) -> tuple[Any, Any]:
            numbers = expected + tf.range(size, dtype=tf.int64)
            lost = batch[0] > numbers
            place = tf.argmax(tf.cast(lost, tf.int8))
            last = noted(numbers[place], batch[0][place])
            with tf.control_dependencies([last]):
                return expected + size, (tf.logical_not(lost), *batch[1:])

        return kept.batch(size, drop_remainder=True).scan(start, check)

    def step(expected: Any, element: tuple[Any, ...]) -> tuple[Any, Any]:
        number = noted(expected, element[0])
        return number + 1, (number - expected, *element[1:])

    def copies(missing: Any, *rest: Any) -> Any:
        times = tf.cast(missing, tf.int32) + 1
        good = tf.equal(tf.range(times), times - 1)
        return good, *(tf.repeat(x[tf.newaxis], times, axis=0) for x in rest)

    whole = kept.scan(start, step).map(copies).unbatch()
    return whole.batch(size, drop_remainder=True)


def _named(example_at: Callable[[int], Any], number: int) -> tuple[str, str]:
    """Name of an image that was lost, and what is wrong with it."""
    import tensorflow as tf

    from keras_senet.data.fault import fault

    try:
        example = example_at(number)
    except tf.errors.OpError as error:
        text = (error.message or "").strip().partition("\n")[0]
        return f"image {number}", f"cannot be read ({text})."
    name = example.name.numpy().decode(errors="replace")
    reason = fault(example.encoded.numpy())
    return name, reason or "can be decoded, but changing it at random failed."
