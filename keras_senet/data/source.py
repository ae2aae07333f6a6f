"""What every data set offers: images and labels by split, and class names."""

import hashlib
from dataclasses import dataclass
from typing import Any

from keras_senet.data.augmentation import Augmentation
from keras_senet.data.images import Images


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set for image classification.

    Attributes:
        name: What it is called in records.
        class_names: Names of the classes, in the order of the labels.
        fingerprint: Changes when any split gets other images.
        train: The images to learn from.
        validation: The images that choose the best checkpoint.
        test: The images that measure the result; `None` if there are none but those
            of the validation.
        augmentation: The random changes that keep its classes; `None` if the usual
            ones of photographs do.
        size: Side of the images to train on, in pixels; `None` takes the
            network's own.
    """

    name: str
    class_names: tuple[str, ...]
    fingerprint: str
    train: Images
    validation: Images
    test: Images | None = None
    augmentation: Augmentation | None = None
    size: int | None = None

    @property
    def splits(self) -> dict[str, Images]:
        """The splits that there are, by name."""
        splits = {"train": self.train, "validation": self.validation}
        return splits if self.test is None else {**splits, "test": self.test}


def stratified(labels: Any, seed: int = 0) -> tuple[list[int], list[int], list[int]]:
    """Splits images into training, validation and test, class by class.

    A tenth of each class, at least one image, is for validation, a fifth for the
    test. The choice depends on labels and seed alone, so that figures of different
    runs and versions can be compared.

    Args:
        labels: Sequence of integers, the class of each image.
        seed: Any integer from 0; another one makes another choice.

    Returns:
        Three sorted lists of indices into `labels`.
    """
    import numpy as np

    labels = np.asarray(labels)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in np.unique(labels):
        random = np.random.default_rng(seed)
        members = random.permutation(np.flatnonzero(labels == label))
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
