"""Exact accuracy of any predict function: every image counts once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    count = top1 = top5 = 0
    cross_entropy = 0.0
    for images, labels, weights in batches:
        real = np.asarray(weights) > 0
        probabilities = np.asarray(predict(images), dtype="float64")[real]
        labels = np.asarray(labels)[real]
        if not np.isfinite(probabilities).all():
            raise ValueError("The model's predictions should be finite numbers.")
        right = probabilities[np.arange(len(labels)), labels][:, np.newaxis]
        lower = np.arange(probabilities.shape[1]) < labels[:, np.newaxis]
        ahead = (probabilities > right) | ((probabilities == right) & lower)
        rank = ahead.sum(axis=1)
        count += len(labels)
        top1 += int((rank < 1).sum())
        top5 += int((rank < 5).sum())
        cross_entropy -= float(np.log(np.maximum(right, LEAST_PROBABILITY)).sum())
    if not count:
        raise ValueError("There are no images to measure on.")
    return Accuracy(
        count=count, top1=top1, top5=top5, cross_entropy=cross_entropy / count
    )
