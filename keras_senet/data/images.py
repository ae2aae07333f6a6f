"""What the pipeline asks of images, wherever they are stored."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

# How the names begin of records that stand for those which a damaged file has lost.
LOST_RECORD = "A record that cannot be read, of "


class Example(NamedTuple):
    """One image as it is stored.

    Attributes:
        number: int64 scalar that identifies this visit to the image within an epoch;
            random changes are a function of (seed, epoch, number). It is the image's
            index in its split, plus a multiple of the split's size that differs from
            visit to visit of an epoch.
        name: string scalar, the file or the record, for people.
        encoded: string scalar, the bytes of a JPEG, PNG, GIF, BMP or WebP file.
        label: int64 scalar.
    """

    number: Any
    name: Any
    encoded: Any
    label: Any


@dataclass(frozen=True, kw_only=True)
class Order:
    """In which order images are visited, and which of them a worker visits.

    Attributes:
        seed: Of the shuffling; `None` keeps the order of the source.
        epoch: Number of the epoch, from 0, also as an int64 tensor.
        balanced: Whether each class is visited equally often in expectation.
        worker: Number of this worker, from 0.
        workers: How many workers share the images.
    """

    seed: int | None = None
    epoch: Any = 0
    balanced: bool = False
    worker: int = 0
    workers: int = 1


class Images(Protocol):
    """Encoded images with labels.

    The order of visits is a pure function of an `Order`. Walking through it is
    cheap, so that the middle of an epoch is reached without reading or decoding
    what comes before it, as far as the storage allows.
    """

    @property
    def count(self) -> int:
        """How many images there are."""

    def references(self, order: Order) -> Any:
        """A `tf.data.Dataset` of this worker's visits, in order.

        Without a seed it ends after one visit to each image; with one it goes on
        for ever: after an epoch's last image it begins again.
        """

    def fetch(self, order: Order, reference: Any) -> Example:
        """The image of a reference, as tensors; called within `Dataset.map`."""

    def name(self, reference: Any) -> str:
        """What the image of a reference is called, though it cannot be read."""

    def share(self, workers: int) -> int:
        """How many visits of an epoch every one of so many workers has at least."""

    def class_counts(self, classes: int) -> Any:
        """NumPy array of how many images each class has."""
