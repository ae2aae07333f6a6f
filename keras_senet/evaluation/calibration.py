"""Whether answers are as sure as they are right (Guo et al., ICML 2017)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 15


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """How sure answers were, and how right: bins of the best class's probability.

    Bins are equally wide from 0 to 1, and each has its upper edge.

    Attributes:
        count: int64 array, how many images each bin has.
        right: int64 array, how many of them were answered rightly.
        confidence: float64 array, the sum of their best classes' probabilities.
    """

    count: np.ndarray
    right: np.ndarray
    confidence: np.ndarray

    @property
    def mean_confidence(self) -> float:
        """Mean probability of the best class, over all images."""
        return float(self.confidence.sum() / self.count.sum())

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean gap of accuracy and confidence, eq. 3."""
        gaps = np.abs(self.right - self.confidence)
        return float(gaps.sum() / self.count.sum())

    def to_dict(self) -> dict[str, Any]:
        """All of it as values of JSON; what an empty bin has not is `None`."""
        edges = np.linspace(0, 1, len(self.count) + 1)
        columns = (edges[:-1], edges[1:], self.count, self.right, self.confidence)
        return {
            "expected_calibration_error": self.expected_error,
            "mean_confidence": self.mean_confidence,
            "bins": [
                {
                    "from": low,
                    "to": high,
                    "count": count,
                    "accuracy": right / count if count else None,
                    "confidence": sure / count if count else None,
                }
                for low, high, count, right, sure in zip(
                    *(column.tolist() for column in columns), strict=True
                )
            ],
        }


class Bins:
    """Counts answers by how sure they were, batch by batch."""

    def __init__(self) -> None:
        self._inner = np.linspace(0, 1, BINS + 1)[1:-1]
        self._count = np.zeros(BINS, "int64")
        self._right = np.zeros(BINS, "int64")
        self._confidence = np.zeros(BINS)

    def add(self, confidence: np.ndarray, right: np.ndarray) -> None:
        """Counts some answers.

        Args:
            confidence: The probability of each one's best class.
            right: Whether that is the right one.
        """
        place = np.searchsorted(self._inner, confidence, side="left")
        self._count += np.bincount(place, minlength=BINS)
        self._right += np.bincount(place[right], minlength=BINS)
        self._confidence += np.bincount(place, confidence, minlength=BINS)

    def calibration(self) -> Calibration:
        """What was counted."""
        return Calibration(
            count=self._count, right=self._right, confidence=self._confidence
        )
