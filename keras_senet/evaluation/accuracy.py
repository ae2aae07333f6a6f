"""Exact accuracy of any predict function: every image counts once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_senet.evaluation.answers import Answers, answers

# A probability of zero for the right class shall cost much, not infinity.
LEAST_PROBABILITY = float(np.finfo("float32").tiny)


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What was counted.

    Attributes:
        count: Images.
        top1: Images whose most probable class is the right one.
        top5: Images whose right class is among the five most probable.
        cross_entropy: Mean of -log of the right class's probability, in nats.
    """

    count: int
    top1: int
    top5: int
    cross_entropy: float

    @property
    def accuracy(self) -> float:
        """Share of images whose most probable class is right."""
        return self.top1 / self.count

    def __str__(self) -> str:
        return f"{self.accuracy:.4f} ({self.top1} of {self.count})"


def measure(
    predict: Callable[[Any], Any], batches: Iterable[tuple[Any, Any, Any]]
) -> Accuracy:
    """Counts over batches that may be padded.

    Of classes with equal probability the one with the lower index ranks first.

    Args:
        predict: From images to class probabilities of shape `(batch, classes)`.
        batches: Triples `(images, labels, weights)`; images of weight zero are
            padding and do not count.

    Returns:
        The counts.

    Raises:
        ValueError: If there is no image, or a prediction is not a number.

    Example:

    ```python
    batches = evaluation_batches(source.test, size=32, batch_size=64)
    print(measure(model.predict_on_batch, batches))
    ```
    """
    counts = Counts()
    for each in answers(predict, batches):
        counts.add(each)
    return counts.accuracy()


class Counts:
    """Counts right answers, batch by batch."""

    def __init__(self) -> None:
        self._count = self._top1 = self._top5 = 0
        self._cross_entropy = 0.0

    def add(self, given: Answers) -> None:
        """Counts the answers to one more batch."""
        probabilities, labels = given.probabilities, given.labels
        right = probabilities[np.arange(len(labels)), labels][:, np.newaxis]
        lower = np.arange(probabilities.shape[1]) < labels[:, np.newaxis]
        ahead = (probabilities > right) | ((probabilities == right) & lower)
        rank = ahead.sum(axis=1)
        self._count += len(labels)
        self._top1 += int((rank < 1).sum())
        self._top5 += int((rank < 5).sum())
        self._cross_entropy -= float(np.log(np.maximum(right, LEAST_PROBABILITY)).sum())

    def accuracy(self) -> Accuracy:
        """What was counted.

        Raises:
            ValueError: If there was no image.
        """
        if not self._count:
            raise ValueError("There are no images to measure on.")
        return Accuracy(
            count=self._count,
            top1=self._top1,
            top5=self._top5,
            cross_entropy=self._cross_entropy / self._count,
        )
