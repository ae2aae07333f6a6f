"""The worst mistakes of a classifier, with their pictures."""

from dataclasses import dataclass

import numpy as np

from keras_senet.evaluation.answers import Answers


@dataclass(frozen=True, kw_only=True, eq=False)
class Mistake:
    """An image that was taken for something else.

    Attributes:
        index: Of the image in its split.
        label: The output of the right class.
        predicted: The output of the class that it was taken for.
        probability: Of that class.
        label_probability: Of the right class.
        image: uint8 array `(height, width, 3)`, as the network saw it.
    """

    index: int
    label: int
    predicted: int
    probability: float
    label_probability: float
    image: np.ndarray


class Mistakes:
    """Keeps the mistakes that were made with the highest probability.

    Of equal ones those that came first. It holds the pictures of these alone.

    Args:
        keep: How many.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._worst: list[Mistake] = []

    def add(self, given: Answers) -> None:
        """Looks at the answers to one more batch."""
        best = given.probabilities.argmax(axis=1)
        sure = given.probabilities.max(axis=1)
        wrong = np.flatnonzero(best != given.labels)
        worst = wrong[np.argsort(-sure[wrong], kind="stable")][: self._keep]
        found = [
            Mistake(
                index=int(given.positions[i]),
                label=int(given.labels[i]),
                predicted=int(best[i]),
                probability=float(sure[i]),
                label_probability=float(given.probabilities[i, given.labels[i]]),
                # A view would keep the whole batch.
                image=given.images[i].copy(),
            )
            for i in worst
        ]
        merged = sorted([*self._worst, *found], key=lambda x: -x.probability)
        self._worst = merged[: self._keep]

    def worst(self) -> tuple[Mistake, ...]:
        """The mistakes, the worst first."""
        return tuple(self._worst)
