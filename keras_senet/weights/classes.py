"""The 1000 classes of ImageNet, in the two orders that published weights have.

The words are lemmas of WordNet (Princeton University), the first of each synset.
"""

import csv
import functools
from importlib import resources

FILES = resources.files("keras_senet.weights")


@functools.cache
def imagenet_classes() -> tuple[tuple[str, str], ...]:
    """Reads the classes in sorted order of their synsets, which outputs here have.

    Returns:
        1000 pairs of the synset and a name, as in `keras.applications`.

    Example:

    ```python
    from keras_senet.weights.classes import imagenet_classes

    imagenet_classes()[1]  # ("n01443537", "goldfish")
    ```
    """
    text = FILES.joinpath("imagenet_classes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple((row["synset"], row["name"]) for row in rows)


@functools.cache
def ilsvrc2017_order() -> tuple[int, ...]:
    """Reads the order of the classes in the authors' caffemodels.

    It is that of the ILSVRC2017 development kit.

    Returns:
        For each index there, the index of the same class in `imagenet_classes()`.
    """
    synsets = FILES.joinpath("ilsvrc2017_synsets.txt").read_text(encoding="utf-8")
    index = {synset: i for i, (synset, _) in enumerate(imagenet_classes())}
    return tuple(index[synset] for synset in synsets.split())
