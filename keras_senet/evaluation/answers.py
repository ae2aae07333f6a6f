"""What a predict function answers to the real images of padded batches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The answers to a batch, without its padding.

    Attributes:
        images: What is shown of the images.
        labels: int64 array, the right classes.
        probabilities: float64 array, of each class for each image.
        positions: int64 array, the places of the images among all that there were,
            padding and lost images included.
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    positions: np.ndarray


def answers(
    predict: Callable[[Any], Any],
    batches: Iterable[tuple[Any, Any, Any]],
    pictures: Callable[[Any], Any] = np.asarray,
) -> Iterator[Answers]:
    """Asks about one batch after the other.

    Args:
        predict: From images to class probabilities of shape `(batch, classes)`.
        batches: Triples `(images, labels, weights)`; images of weight zero are
            padding and do not count.
        pictures: From images to what is shown of them, an array.

    Yields:
        The answers to each batch.

    Raises:
        ValueError: If a prediction is not a number.
    """
    first = 0
    for images, labels, weights in batches:
        real = np.flatnonzero(np.asarray(weights) > 0)
        probabilities = np.asarray(predict(images), dtype="float64")[real]
        if not np.isfinite(probabilities).all():
            raise ValueError("The model's predictions should be finite numbers.")
        yield Answers(
            images=pictures(images)[real],
            labels=np.asarray(labels)[real],
            probabilities=probabilities,
            positions=first + real,
        )
        first += len(np.asarray(weights))
