"""What a model makes of each image, and how two models differ on the same images."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_senet.errors import InputError
from keras_senet.evaluation.accuracy import LEAST_PROBABILITY
from keras_senet.evaluation.answers import answers


# Compared by identity, since arrays have no truth value.
@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What a model makes of each image, in the order of the images.

    Attributes:
        right: Whether the most probable class is the right one, bool.
        cross_entropy: -log of the right class's probability, in nats, float64.
    """

    right: np.ndarray
    cross_entropy: np.ndarray


def outcomes(
    predict: Callable[[Any], Any], batches: Iterable[tuple[Any, Any, Any]]
) -> Outcomes:
    """Notes for each image what a model makes of it.

    Args:
        predict: From images to class probabilities of shape `(batch, classes)`.
        batches: Triples `(images, labels, weights)`; images of weight zero are
            padding and do not count.

    Returns:
        Two numbers for each image.

    Raises:
        ValueError: If there is no image, or a prediction is not a number.
    """
    right: list[np.ndarray] = []
    losses: list[np.ndarray] = []
    for each in answers(predict, batches):
        found, labels = each.probabilities, each.labels
        of_right = found[np.arange(len(labels)), labels]
        right.append(found.argmax(axis=1) == labels)
        losses.append(-np.log(np.maximum(of_right, LEAST_PROBABILITY)))
    if not sum(map(len, right)):
        raise InputError("There are no images to measure on.")
    return Outcomes(right=np.concatenate(right), cross_entropy=np.concatenate(losses))


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a change of a model makes of the same images.

    Attributes:
        count: Images.
        right: Images that are right afterwards.
        lost: Images that were right and are wrong now.
        won: Images that were wrong and are right now.
        p_value: Of McNemar's exact test: the chance of a difference at least as large
            if images were lost and won by chance alone.
        cross_entropy: Mean rise of the cross entropy, in nats.
    """

    count: int
    right: int
    lost: int
    won: int
    p_value: float
    cross_entropy: float

    @property
    def points(self) -> float:
        """How much the accuracy changes, in percentage points; negative is worse."""
        return 100 * (self.won - self.lost) / self.count


def change(before: Outcomes, after: Outcomes) -> Change:
    """Compares two models on the same images, image by image.

    McNemar (1947): only images on which the two disagree tell them apart.

    Args:
        before: Of the model as it was.
        after: Of the other one.

    Returns:
        The change.

    Raises:
        ValueError: If they are of different numbers of images.

    Example:

    ```python
    import numpy as np
    from keras_senet.explanation.outcomes import Outcomes, change

    right = Outcomes(right=np.ones(5, bool), cross_entropy=np.zeros(5))
    print(change(right, right).lost)
    ```
    """
    from scipy.stats import binomtest

    if len(before.right) != len(after.right):
        raise ValueError(
            "`before` and `after` should be of the same images. Received: "
            f"{len(before.right)} and {len(after.right)} images"
        )
    lost = int((before.right & ~after.right).sum())
    won = int((~before.right & after.right).sum())
    # Without a disagreement there is nothing to test.
    p_value = float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0
    return Change(
        count=len(after.right),
        right=int(after.right.sum()),
        lost=lost,
        won=won,
        p_value=p_value,
        cross_entropy=float(np.mean(after.cross_entropy - before.cross_entropy)),
    )
