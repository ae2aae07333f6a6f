"""Tensors of a file into a network, each used once and each set once."""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_senet.weights.rule import Rule
from keras_senet.weights.tensors import StoredTensor, TensorFile

# How many names an error lists of each kind.
SHOWN = 5
HEAD = "predictions/"


def port(
    file: TensorFile,
    rules: Sequence[Rule],
    layers: Collection[keras.layers.Layer],
    *,
    leftover: Callable[[str], bool],
    skip_mismatch: bool = False,
) -> set[str]:
    """Sets the weights of a network from a file that fits it exactly.

    Nothing is set before all of it is known to fit.

    Args:
        file: The file.
        rules: Where each tensor of the network comes from.
        layers: The layers of the network.
        leftover: Whether a tensor of the file, by its name, is none of the
            network's, and known to be there.
        skip_mismatch: Whether layers of which a shape differs keep their values.

    Returns:
        The layers that were skipped.

    Raises:
        ValueError: If a tensor is missing or left over on either side, a shape
            differs, or one is not of floating-point numbers; it lists both sides.
    """
    targets = weights_of(layers)
    wanted = {rule.target: rule for rule in rules}
    sources = {source for rule in rules for source in rule.sources}
    differing = {
        target: _shapes(rule, file.tensors, targets[target])
        for target, rule in wanted.items()
        if target in targets
        and sources_of(rule) <= file.tensors.keys()
        and not _fits(rule, file.tensors, targets[target])
    }
    skipped = {target.partition("/")[0] for target in differing if skip_mismatch}
    missing = sources - file.tensors.keys()
    head = {x for rule in rules if rule.target.startswith(HEAD) for x in rule.sources}
    if skip_mismatch and missing and missing == head:
        # A file without a classifier is one whose classifier differs.
        skipped.add(HEAD.removesuffix("/"))
        missing = set()
    complaints = [
        _listed("not in the file: ", missing),
        _listed(
            "not in the network: ",
            [
                name
                for name in file.tensors
                if name not in sources and not leftover(name)
            ],
        ),
        _listed("in the network alone: ", targets.keys() - wanted.keys()),
        _listed("in the file alone: ", wanted.keys() - targets.keys()),
        "" if skip_mismatch else _listed("of another shape: ", differing.values()),
        _listed(
            "not of floating-point numbers: ",
            [
                f"{name} ({file.tensors[name].dtype})"
                for name in sources & file.tensors.keys()
                if "float" not in file.tensors[name].dtype
            ],
        ),
    ]
    if any(complaints):
        hint = ""
        if len([x for x in complaints if x]) == 1 and differing:
            if all(target.startswith(HEAD) for target in differing):
                hint = " `skip_mismatch=True` keeps the classifier random."
            elif len(differing) == 1 and "stem" in next(iter(differing)):
                hint = " `adapt_input_channels` makes networks for other channels."
        raise ValueError(
            f"`weights` should fit the network tensor by tensor; "
            f"{'; '.join(filter(None, complaints))}.{hint} "
            f"Received: weights={file.path}"
        )
    # The head first: classes of an unknown order are only found out here.
    for target, rule in sorted(
        wanted.items(), key=lambda item: not item[0].startswith(HEAD)
    ):
        if target.partition("/")[0] not in skipped:
            arrays = [file.tensors[source].read() for source in rule.sources]
            targets[target].assign(as_float(rule.layout.turn(*arrays)))
    if skipped:
        warnings.warn(f"Not loaded: {', '.join(sorted(skipped))}.", stacklevel=3)
    return skipped


def weights_of(layers: Collection[keras.layers.Layer]) -> dict[str, Any]:
    """The weights of layers, as `"layer/weight"`."""
    return {
        f"{layer.name}/{weight.name}": weight
        for layer in layers
        for weight in layer.weights
    }


def sources_of(rule: Rule) -> set[str]:
    """The names that a rule wants."""
    return set(rule.sources)


def as_float(array: np.ndarray) -> np.ndarray:
    """An array that every backend takes: bfloat16 is none of NumPy's dtypes."""
    return array if array.dtype.kind == "f" else array.astype("float32")


def _fits(rule: Rule, tensors: Mapping[str, StoredTensor], weight: Any) -> bool:
    shapes = [tensors[source].shape for source in rule.sources]
    return tuple(rule.layout.shape(*shapes)) == tuple(weight.shape)


def _shapes(rule: Rule, tensors: Mapping[str, StoredTensor], weight: Any) -> str:
    source = rule.sources[0]
    return f"{source} {tensors[source].shape} for {rule.target} {tuple(weight.shape)}"


def _listed(what: str, names: Collection[str]) -> str:
    if not names:
        return ""
    shown = sorted(names)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return f"{what}{', '.join(shown[:SHOWN])}{more}"
