"""From the labels of a data set to the outputs of a model, by the classes' names."""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from keras_senet.errors import InputError
from keras_senet.weights.classes import imagenet_classes

# How many names an error shows.
SHOWN = 3


def match_classes(
    labels: Sequence[str], names: Sequence[str] | None, outputs: int
) -> np.ndarray:
    """Finds the output of a model for each label of a data set.

    Classes are the same if they have the same name. Those of ImageNet have two: the
    synset, and the word of `decode_predictions` where only one class has it. A data
    set may lack classes of the model, but must have no others.

    Args:
        labels: The names of the data set's classes.
        names: The names of the model's outputs, if it has them.
        outputs: How many outputs the model has.

    Returns:
        int64 array: the index of the output for each label.

    Raises:
        InputError: If a class of the data set is none of the model's, or a model
            without names has another number of outputs.

    Example:

    ```python
    match_classes(["dog", "cat"], ["cat", "cow", "dog"], 3)  # [2, 0]
    ```
    """
    if names is None:
        if len(labels) != outputs:
            raise InputError(
                f"The model has {outputs} outputs without names, and the data have "
                f"{len(labels)} classes: they cannot be matched. Give the model's "
                "head the names of its classes (keras_senet.layers.Classifier)."
            )
        return np.arange(outputs)
    names = distinct(names)
    index = _places(names)
    if not all(label in index for label in labels):
        index = _places([_synset(name) for name in names]) | index
    found = [index.get(label, index.get(_synset(label))) for label in labels]
    strange = [x for x, place in zip(labels, found, strict=True) if place is None]
    if strange:
        raise InputError(_unknown(strange, len(labels), names))
    return np.array(found, "int64")


@functools.cache
def imagenet_synsets() -> tuple[str, ...]:
    """The synsets of ImageNet's classes, in the order of a checkpoint's outputs."""
    return tuple(synset for synset, _ in imagenet_classes())


def distinct(names: Sequence[str]) -> Sequence[str]:
    """The names; synsets instead of ImageNet's words, of which two mean two classes."""
    words = tuple(word for _, word in imagenet_classes())
    return imagenet_synsets() if tuple(names) == words else names


def shown_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names as people read them: to a synset of ImageNet belongs its word."""
    words = dict(imagenet_classes())
    return tuple(f"{x} {words[x]}" if x in words else x for x in names)


def _places(names: Sequence[str]) -> dict[str, int]:
    """Where each name stands that stands but once."""
    counts = Counter(names)
    return {name: i for i, name in enumerate(names) if counts[name] == 1}


@functools.cache
def _words() -> Mapping[str, str]:
    """The synset of each word that means but one class."""
    counts = Counter(word for _, word in imagenet_classes())
    return {word: synset for synset, word in imagenet_classes() if counts[word] == 1}


def _synset(name: str) -> str:
    """The synset of one of ImageNet's words; of another name the name itself."""
    return _words().get(name, name)


def _unknown(strange: Sequence[str], count: int, names: Sequence[str]) -> str:
    def listed(names: Sequence[str]) -> str:
        return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")

    if set(names) <= set(imagenet_synsets()):
        known = (
            "each should be named by its synset, such as n01440764, or as "
            "`decode_predictions` does, such as goldfish"
        )
    else:
        known = f"it tells {listed(names)} apart"
    return (
        f"{len(strange)} of the {count} classes of the data are none of the model's: "
        f"{known}. Received: {listed(strange)}"
    )
