"""What every data set offers: images and labels by split, and class names."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keras_senet.data.augment import Augmentation


@dataclass(frozen=True, kw_only=True)
class Split:
    """One part of a data set.

    Attributes:
        count: How many images it has.
        in_order: A function without arguments that returns a
            `tf.data.Dataset` of `(image, label)`: uint8 RGB of shape
            `(height, width, 3)`, and int64. Always in the same order.
        load: For sources with random access: a TensorFlow function from an
            index to `(image, label)`. `None` for streams, which are shuffled by
            a buffer.
    """

    count: int
    in_order: Callable[[], Any]
    load: Callable[[Any], tuple[Any, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set for image classification.

    Attributes:
        name: What it is called in records.
        class_names: Names of the classes, in the order of the labels.
        fingerprint: Changes when any split gets other images.
        train: The images to learn from.
        validation: The images that choose the best checkpoint.
        test: The images that measure the result.
        augmentation: The random changes that keep its classes.
        size: Side of the images to train on, in pixels; `None` takes the
            network's own.
    """

    name: str
    class_names: tuple[str, ...]
    fingerprint: str
    train: Split
    validation: Split
    test: Split
    augmentation: Augmentation = field(default_factory=Augmentation)
    size: int | None = None


def stratified(labels: Any) -> tuple[list[int], list[int], list[int]]:
    """Splits images into training, validation and test, class by class.

    A tenth of each class, at least one image, is for validation, a fifth for the
    test. The choice depends on the labels alone, so that figures of different
    runs and versions can be compared.

    Args:
        labels: Sequence of integers, the class of each image.

    Returns:
        Three sorted lists of indices into `labels`.
    """
    import numpy as np

    labels = np.asarray(labels)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in np.unique(labels):
        members = np.random.default_rng(0).permutation(np.flatnonzero(labels == label))
        test = max(1, round(len(members) * 0.2))
        validation = test + max(1, round(len(members) * 0.1))
        chosen = (members[validation:], members[test:validation], members[:test])
        for part, some in zip(parts, chosen, strict=True):
            part.extend(some.tolist())
    train, validation_part, test_part = (sorted(part) for part in parts)
    return train, validation_part, test_part


def fingerprint(*parts: str | bytes) -> str:
    """A digest of what identifies the images of a source.

    Args:
        *parts: Names or contents, in a fixed order.

    Returns:
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
