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
        and set(rule.sources) <= file.tensors.keys()
        and not _fits(rule, file.tensors, targets[target])
    }
    missing = sources - file.tensors.keys()
    skipped: set[str] = set()
    if skip_mismatch:
        skipped = {target.partition("/")[0] for target in differing}
        differing = {}
        head = {x for r in rules if r.target.startswith(HEAD) for x in r.sources}
        if missing and missing == head:
            # A file without a classifier is one whose classifier differs.
            skipped.add(HEAD.removesuffix("/"))
            missing = set()
    names = file.tensors.keys()
    sides: dict[str, Collection[str]] = {
        "not in the file": missing,
        "not in the network": {x for x in names - sources if not leftover(x)},
        "in the network alone": targets.keys() - wanted.keys(),
        "in the file alone": wanted.keys() - targets.keys(),
        "of another shape": differing.values(),
        "not of floating-point numbers": _no_floats(file.tensors, sources & names),
    }
    if complaints := [_listed(what, x) for what, x in sides.items() if x]:
        hint = _hint(differing) if len(complaints) == 1 else ""
        raise ValueError(
            f"`weights` should fit the network tensor by tensor; "
            f"{'; '.join(complaints)}.{hint} Received: weights={file.path}"
        )
    # The head first: classes of an unknown order are only found out here.
    for target in sorted(wanted, key=lambda name: not name.startswith(HEAD)):
        if target.partition("/")[0] not in skipped:
            rule = wanted[target]
            arrays = [file.tensors[source].read() for source in rule.sources]
            targets[target].assign(as_float(rule.layout.turn(*arrays)))
    if skipped:
        warnings.warn(f"Not loaded: {', '.join(sorted(skipped))}.", stacklevel=4)
    return skipped


def _no_floats(tensors: Mapping[str, StoredTensor], names: set[str]) -> set[str]:
    kinds = {name: tensors[name].dtype for name in names}
    return {f"{name} ({kind})" for name, kind in kinds.items() if "float" not in kind}


def _hint(differing: Collection[str]) -> str:
    """What a person may want whose shapes differ."""
    if differing and all(target.startswith(HEAD) for target in differing):
        return " `skip_mismatch=True` keeps the classifier random."
    if len(differing) == 1 and "stem" in next(iter(differing)):
        return " `adapt_input_channels` makes networks for other channels."
    return ""


def weights_of(layers: Collection[keras.layers.Layer]) -> dict[str, Any]:
    """The weights of layers, as `"layer/weight"`."""
    return {
        f"{layer.name}/{weight.name}": weight
        for layer in layers
        for weight in layer.weights
    }


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
    shown = sorted(names)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return f"{what}: {', '.join(shown[:SHOWN])}{more}"
