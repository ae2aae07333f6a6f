"""Which blocks, classes and channels to draw (conference, section 6.3, figure 8)."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from keras_senet.errors import InputError, near_matches
from keras_senet.evaluation.gate_statistics import Excitation
from keras_senet.weights.classes import imagenet_classes

# As in the names of this package's networks, maybe within a nested model.
BLOCK = re.compile(r"(?:.*/)?stage(\d+)_block(\d+)_se")
# Goldfish, pug, plane and cliff.
PAPER = ("n01443537", "n02110958", "n02690373", "n09246464")
# As many as can be told apart.
MOST_CLASSES = 10
DEFAULT_CLASSES = 6


def block_title(name: str) -> str:
    """Names a block as the paper does.

    Args:
        name: The block's name, such as `"stage4_block6_se"`.

    Returns:
        Such as `"SE_4_6"`; another name as it is.
    """
    match = BLOCK.fullmatch(name)
    return f"SE_{match[1]}_{match[2]}" if match else name


def paper_blocks(names: Iterable[str]) -> tuple[str, ...]:
    """Chooses the blocks of figure 8.

    They are the last one of each stage, and all of the last stage: in
    SE-ResNet-50 SE_2_3, SE_3_4, SE_4_6, SE_5_1, SE_5_2 and SE_5_3.

    Args:
        names: The names of all blocks, in the order of the network.

    Returns:
        Those to draw; all, if they do not have the names of this package.
    """
    names = tuple(names)
    stages = [match and int(match[1]) for match in map(BLOCK.fullmatch, names)]
    if None in stages:
        return names
    following = [*stages[1:], stages[-1]] if stages else []
    return tuple(
        name
        for name, stage, next_stage in zip(names, stages, following, strict=True)
        if stage != next_stage or stage == stages[-1]
    )


def chosen_blocks(
    names: Iterable[str], blocks: Sequence[str] | None
) -> tuple[str, ...]:
    """Checks a choice of blocks; `None` chooses those of the paper."""
    names = tuple(names)
    if blocks is None:
        return paper_blocks(names)
    # As they are called in the network, or as the paper and the figures do.
    known = {block_title(name): name for name in names} | {x: x for x in names}
    for name in blocks:
        if name not in known:
            raise InputError(
                f"There is no block {name!r}. {near_matches(name, known, limit=8)}"
            )
    if not blocks:
        raise InputError("There should be at least one block to draw.")
    return tuple(known[name] for name in blocks)


def chosen_classes(
    excitation: Excitation, classes: Sequence[str] | None
) -> tuple[int, ...]:
    """Checks a choice of classes, by name, and gives their indices.

    `None` chooses the four of the paper, if they were measured, and else up to six,
    spread evenly over those that have images.
    """
    names, images = excitation.class_names, excitation.images
    if classes is None:
        words = dict(imagenet_classes())
        for paper in (PAPER, tuple(words[synset] for synset in PAPER)):
            if all(name in names and images[names.index(name)] for name in paper):
                return tuple(names.index(name) for name in paper)
        there = np.flatnonzero(images)
        return tuple(there[spread(len(there), DEFAULT_CLASSES)].tolist())
    indices = chosen_names(names, classes)
    for index in indices:
        if not images[index]:
            raise InputError(f"There are no images of the class {names[index]!r}.")
    return indices


def chosen_names(names: Sequence[str], classes: Sequence[str]) -> tuple[int, ...]:
    """Checks a choice of classes, by name, and gives their indices."""
    if not 1 <= len(classes) <= MOST_CLASSES:
        raise InputError(
            f"From 1 to {MOST_CLASSES} classes can be drawn. Received: {len(classes)}"
        )
    # ImageNet's classes go by their words, too.
    places = {class_label(name): index for index, name in enumerate(names)}
    places.update((name, index) for index, name in enumerate(names))
    for name in classes:
        if name not in places:
            raise InputError(
                f"There is no class {name!r}. {near_matches(name, places, limit=8)}"
            )
    return tuple(places[name] for name in classes)


def class_label(name: str) -> str:
    """Names a class in a legend: a synset of ImageNet by its word."""
    label = dict(imagenet_classes()).get(name, name)
    # Matplotlib leaves out what begins with an underscore.
    return f" {label}" if label.startswith("_") else label


def spread(count: int, most: int | None) -> np.ndarray:
    """Samples indices uniformly, with the first and the last.

    Args:
        count: How many there are.
        most: How many to take. `None` takes all.

    Returns:
        Indices in ascending order, each once.
    """
    if most is None or most >= count:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(int)
