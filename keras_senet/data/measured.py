"""Images with labels to measure on: one split of a data set, or a whole folder."""

from dataclasses import dataclass

from keras_senet.data.folder import SPLITS, whole
from keras_senet.data.images import Images
from keras_senet.data.opening import folder_of, open_source
from keras_senet.data.packed import is_packed
from keras_senet.data.source import Source
from keras_senet.errors import InputError

# What all images of a folder that is not divided are called.
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Images to measure on.

    Attributes:
        name: Of the data.
        split: Which of its images: `"train"`, `"validation"`, `"test"`, or `"all"`.
        class_names: Names of the classes, in the order of the labels.
        images: The images.
        note: Why it is these images, if it may surprise.
    """

    name: str
    split: str
    class_names: tuple[str, ...]
    images: Images
    note: str | None = None


def open_labelled(text: str, split: str | None = None) -> Labelled:
    """Opens data to measure on, by name or by path.

    A folder of class folders that is not divided, such as ImageNet's `val`, is taken
    whole, also if it has but one class or empty ones. Of all other data it is the
    test, or the validation if there is no test.

    Args:
        text: As for `open_source`.
        split: Another split; `"all"` is a whole folder. A folder that is not divided
            is divided, then, as for training.

    Returns:
        The images.

    Raises:
        InputError: If there are no such data, or no such split.

    Example:

    ```python
    open_labelled("digits").split  # "test"
    ```
    """
    path = folder_of(text)
    if split in (None, ALL) and path is not None and not is_packed(path):
        found = whole(path)
        if found is not None:
            names, images = found
            return Labelled(name=text, split=ALL, class_names=names, images=images)
    return labelled(open_source(text), split)


def labelled(source: Source, split: str | None = None) -> Labelled:
    """The images of a data set that measure a result.

    Args:
        source: The data set.
        split: Its split; `None` takes the test, or the validation if there is none.

    Returns:
        The images.

    Raises:
        InputError: If there is no such split.
    """
    splits = source.splits
    if split is None:
        split = "test" if "test" in splits else "validation"
    chosen = SPLITS.get(split.lower(), split)
    if chosen not in splits:
        raise InputError(
            f"{source.name} has no split {split!r}; it has {', '.join(splits)}."
        )
    return Labelled(
        name=source.name,
        split=chosen,
        class_names=source.class_names,
        images=splits[chosen],
    )
