"""Weights that Keras 2 saved as HDF5, named by the order of their layers."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras_senet.weights.tensors import StoredTensor, TensorFile
from keras_senet.weights.unreadable import naming, shown

# The names that Keras gives, whose numbers count all that a process built before.
AUTOMATIC = re.compile(r"(conv2d|batch_normalization|dense)(_v\d)?(_\d+)?")
WEIGHTS = {
    "conv2d": ({"kernel"}, {"kernel", "bias"}),
    "batch_normalization": ({"gamma", "beta", "moving_mean", "moving_variance"},),
    "dense": ({"kernel", "bias"},),
}
# Only the pre-activation networks of `classification_models` begin so.
PREACTIVATION = "bn_data"
OURS = "provenance"


def is_keras2(path: Path) -> bool:
    """Whether a file is HDF5 as Keras 2 laid it out, and not by a network of ours.

    Args:
        path: A file, which may be damaged or of another format.

    Returns:
        Whether it names layers in order, which `.weights.h5` files of Keras 3 do not.
    """
    try:
        with h5py.File(path) as file:
            names = _names(_root(file), "layer_names")
    except (OSError, KeyError, RuntimeError):
        return False
    return bool(names) and OURS not in names


def read_keras2(path: Path) -> TensorFile:
    """Reads the weights of a network whose layers have automatic names.

    Keras 2 loads such a file by the order of its layers, which is that of the
    network's graph; so this order is what the tensors are named by. Layers without
    weights do not count.

    Args:
        path: The file, of `save_weights` or of `save`.

    Returns:
        Its tensors, such as `"0.conv2d.kernel"`, `"1.batch_normalization.gamma"`,
        and `"dense.kernel"` if it ends in a classifier.

    Raises:
        ValueError: If it is damaged, or of another kind.
    """
    try:
        with h5py.File(path) as file:
            return TensorFile(path=path, format="keras2", tensors=_tensors(file, path))
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"it is no whole HDF5 file of Keras 2 ({error})") from error


def _tensors(file: h5py.File, path: Path) -> dict[str, StoredTensor]:
    root = _root(file)
    layers = _names(root, "layer_names")
    if not layers:
        raise ValueError("it is an HDF5 file, which `model.load_weights` reads")
    _check_origin(root, layers)
    tensors: dict[str, StoredTensor] = {}
    position = 0
    for layer in layers:
        stored = {_weight(x): x for x in _names(root[layer], "weight_names")}
        if not stored:
            continue
        if "dense.kernel" in tensors:
            raise ValueError(f"its layer {shown(layer)} follows the classifier")
        kind = _kind(layer, stored)
        prefix = kind if kind == "dense" else f"{position}.{kind}"
        for weight, name in stored.items():
            item = root[layer][name]
            _check_place(item, file)
            tensors[f"{prefix}.{weight}"] = StoredTensor(
                tuple(item.shape), item.dtype.name, _reader(path, item.name)
            )
        position += 1
    return tensors


def _check_origin(root: h5py.Group, layers: list[str]) -> None:
    if PREACTIVATION in layers:
        raise ValueError(
            "it holds a pre-activation network of `classification_models`, such as "
            "its seresnet18 and seresnet34, which are other networks than ours; "
            "there are 'legacy_seresnet18' and 'legacy_seresnet34'"
        )
    if _text(root.attrs.get("keras_version", "1")).startswith("1"):
        raise ValueError("Keras 1 saved it; load it with Keras 2 and save it anew")
    if _text(root.attrs.get("backend", "")) == "theano":
        raise ValueError(
            "Keras saved it on Theano, whose kernels are flipped; load it with Keras "
            "2 on TensorFlow and save it anew"
        )


def _check_place(item: Any, file: h5py.File) -> None:
    """Numbers of other files, which HDF5 can point to, are not read."""
    inside = isinstance(item, h5py.Dataset) and item.file == file
    if not inside or item.external or item.is_virtual:
        raise ValueError(f"its {shown(item.name)} is no array of this file")


def _kind(layer: str, weights: dict[str, str]) -> str:
    found = AUTOMATIC.fullmatch(layer)
    if found is None or weights.keys() not in WEIGHTS[found[1]]:
        raise ValueError(
            f"its layer {shown(layer)} with {shown(', '.join(weights))} is none of a "
            "network of `classification_models`, whose layers have automatic names: "
            "of what Keras 2 saved, only seresnet50-152, seresnext50/101 and senet154 "
            "of that package can be read"
        )
    return found[1]


def _root(file: h5py.File) -> h5py.Group:
    """The group with the layers, which `save` puts beside the network's structure."""
    return file.get("model_weights", file)


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names, which Keras cuts into numbered parts if it is long."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    pieces = (f"{attribute}{number}" for number in itertools.count())
    held = itertools.takewhile(group.attrs.__contains__, pieces)
    return [_text(name) for piece in held for name in group.attrs[piece]]


def _weight(name: str) -> str:
    """The weight of a variable such as `"conv2d_7/kernel:0"`."""
    return name.rpartition("/")[2].partition(":")[0]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _reader(path: Path, name: str) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with naming(path):
            try:
                with h5py.File(path) as file:
                    return file[name][()]
            except (OSError, KeyError, RuntimeError) as error:
                raise ValueError(f"it is damaged ({error})") from error

    return read
