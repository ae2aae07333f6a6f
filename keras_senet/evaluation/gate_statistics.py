"""What the gates of a network are for each class (conference, section 6.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockGates:
    """The gates of one block.

    Variances and deviations are those of a population: divided by the number of
    images, not by one less.

    Attributes:
        images: Images of each class, `(classes,)`.
        mean: Mean gate over the images of a class, `(classes, channels)`; not a
            number in the rows of classes without images.
        deviation: Standard deviation within a class, likewise.
        lowest: The lowest gate of each channel in any image, `(channels,)`.
        highest: The highest gate of each channel in any image, `(channels,)`.
        near_zero: Number of gates, over all images and channels, below the lower
            threshold.
        near_one: Number of gates above the upper threshold.
    """

    images: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    near_zero: int
    near_one: int

    @property
    def channels(self) -> int:
        """Number of gates of an image."""
        return self.mean.shape[1]

    @cached_property
    def overall_mean(self) -> np.ndarray:
        """Mean gate over all images, `(channels,)`."""
        return self._over_images(self.mean)

    @cached_property
    def overall_deviation(self) -> np.ndarray:
        """Standard deviation over all images, `(channels,)`."""
        return np.sqrt(self.between + self.within)

    @cached_property
    def between(self) -> np.ndarray:
        """Variance of the class means, each weighted by its images, `(channels,)`."""
        return self._over_images((self.mean - self.overall_mean) ** 2)

    @cached_property
    def within(self) -> np.ndarray:
        """Mean variance within the classes, weighted by images, `(channels,)`."""
        return self._over_images(self.deviation**2)

    @property
    def share_between(self) -> float:
        """The share of the variance of a gate that lies between classes.

        It is `between / (between + within)`, the mean over channels: 0 if gates
        know nothing of the class, 1 if they know nothing else. A constant gate
        knows nothing: 0. Few images a class make it too large: with one each, it
        is 1.
        """
        total = self.between + self.within
        shares = np.divide(
            self.between, total, out=np.zeros_like(total), where=total > 0
        )
        return float(shares.mean())

    @property
    def share_near_zero(self) -> float:
        """The share of all gates, over images and channels, that is near zero."""
        return self.near_zero / (int(self.images.sum()) * self.channels)

    @property
    def share_near_one(self) -> float:
        """The share of all gates that is near one."""
        return self.near_one / (int(self.images.sum()) * self.channels)

    def _over_images(self, values: np.ndarray) -> np.ndarray:
        """The mean over images of a value that each class has."""
        there = self.images > 0
        return self.images[there] @ values[there] / self.images.sum()


@dataclass(frozen=True, kw_only=True, eq=False)
class Excitation:
    """The gates of a network over many images, by class.

    Attributes:
        class_names: The names of the classes.
        images: Images of each class.
        blocks: The blocks in the order of the network, by name.
        near_zero: What gates near zero are less than.
        near_one: What gates near one are more than.
        network: `fingerprint` of the network, if it is known.
    """

    class_names: tuple[str, ...]
    images: np.ndarray
    blocks: Mapping[str, BlockGates]
    near_zero: float
    near_one: float
    network: str = ""

    @property
    def count(self) -> int:
        """Number of images."""
        return int(self.images.sum())

    @property
    def missing_classes(self) -> tuple[str, ...]:
        """The classes without images, which have no mean."""
        return tuple(
            name
            for name, images in zip(self.class_names, self.images, strict=True)
            if not images
        )

    def mean_gates(self) -> dict[str, np.ndarray]:
        """Gives the mean gates over all images: constants for the blocks' gates.

        Returns:
            From each block to a vector with a number for each channel.
        """
        return {name: block.overall_mean for name, block in self.blocks.items()}

    def closed_channels(self, threshold: float = 0.05) -> dict[str, np.ndarray]:
        """Finds channels that no image opens: candidates for pruning.

        Args:
            threshold: What the gates of a closed channel stay below.

        Returns:
            From each block to the indices of such channels, of which there may be
            none.
        """
        return {
            name: np.flatnonzero(block.highest < threshold)
            for name, block in self.blocks.items()
        }

    def summary(self) -> list[dict[str, Any]]:
        """Gives one row of plain numbers for each block, for tables and JSON.

        Returns:
            Dictionaries with the block's name, its number of channels, the mean of
            the gates, the lowest and the highest one, the shares near zero and near
            one, and, as means over channels, the variances between and within
            classes and the share of the former (`BlockGates.share_between`).
        """
        return [
            {
                "block": name,
                "channels": block.channels,
                "mean": float(block.overall_mean.mean()),
                "lowest": float(block.lowest.min()),
                "highest": float(block.highest.max()),
                "near_zero": block.share_near_zero,
                "near_one": block.share_near_one,
                "between": float(block.between.mean()),
                "within": float(block.within.mean()),
                "share_between": block.share_between,
            }
            for name, block in self.blocks.items()
        ]
