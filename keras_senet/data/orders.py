"""In which order an epoch visits images: every one once, or every class as often."""

from typing import Any

# Tell the random numbers of different uses apart.
IMAGES, CLASSES, MEMBERS = range(3)
# More epochs than any run has: what follows an epoch's end is that of another one.
LAP = 2**32


def image_order(labels: Any, seed: int, epoch: int, lap: int) -> Any:
    """All images, in an order of (seed, epoch).

    Args:
        labels: Integer array, the class of each image.
        seed: Any integer.
        epoch: Number of the epoch, from 0.
        lap: Number of the pass through the images within the epoch, from 0.

    Returns:
        int64 array of the numbers of visits, see `Example`.
    """
    order = _random(IMAGES, seed, epoch, lap).permutation(len(labels))
    return (order + lap * len(labels)).astype("int64")


def class_order(labels: Any, seed: int, epoch: int, lap: int) -> Any:
    """Class-aware sampling (Shen, Lin and Huang, ECCV 2016, section 4.2).

    Each class comes once in every cycle, in an order of its own; the images of a
    class come one after the other, over the epochs, and again in another order when
    all have been visited.

    Args:
        labels: Integer array, the class of each image.
        seed: Any integer.
        epoch: Number of the epoch, from 0.
        lap: As above.

    Returns:
        int64 array of the numbers of visits, as many as there are images, or up to
        one cycle more.
    """
    import numpy as np

    labels = np.asarray(labels)
    members = np.argsort(labels, kind="stable")
    counts = np.unique(labels, return_counts=True)[1]
    starts = np.cumsum(counts) - counts
    cycles, classes = -(-len(labels) // len(counts)), len(counts)
    first = (epoch + lap * LAP) * cycles
    visits = np.empty((cycles, classes), "int64")
    for row, (start, count) in enumerate(zip(starts, counts, strict=True)):
        rounds = range(first // count, (first + cycles - 1) // count + 1)
        order = np.concatenate(
            [_random(MEMBERS, seed, row, each).permutation(count) for each in rounds]
        )
        begin = first - rounds[0] * count
        visits[:, row] = members[start + order[begin : begin + cycles]]
    places = np.tile(np.arange(classes), (cycles, 1))
    places = _random(CLASSES, seed, epoch, lap).permuted(places, axis=1)
    index = np.take_along_axis(visits, places, axis=1).reshape(-1)
    position = np.arange(index.size, dtype="int64") + lap * index.size
    return index + position * len(labels)


def _random(use: int, seed: int, *numbers: Any) -> Any:
    import numpy as np

    entropy = [use, seed % 2**64, *(int(number) for number in numbers)]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
