"""Networks of this package inside `.weights.h5` files, as tensors and facts.

Keras finds layers in such files by their classes and order, so that a layer more
before the network shifts all of its kernels; their names stand there as well.
"""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from keras_senet.layers import classifier, provenance
from keras_senet.weights.tensors import StoredTensor, TensorFile
from keras_senet.weights.unreadable import naming

MARK = f"/provenance/vars/{provenance.VARIABLE}"


def is_keras3(path: Path) -> bool:
    """Whether an HDF5 file is one of Keras 3's `save_weights`, or damaged."""
    try:
        with h5py.File(path) as file:
            return "model_config" not in file.attrs
    except OSError:
        return True


def read_keras3(path: Path) -> TensorFile:
    """Reads a `.weights.h5` file.

    Args:
        path: The file.

    Returns:
        The tensors of the network in it, named by layer and place in the layer, such
        as `"stem_bn/2"`; its facts are those of `keras_file.facts_of`.

    Raises:
        ValueError: If it is damaged, or not of one network of this package.
    """
    with naming(path):
        try:
            with h5py.File(path) as file:
                return _read(path, file)
        except (OSError, RuntimeError, KeyError, json.JSONDecodeError) as error:
            raise ValueError(f"it is damaged ({error})") from error


def _read(path: Path, file: h5py.File) -> TensorFile:
    marks: list[str] = []
    file.visit(lambda name: marks.append(name) if f"/{name}".endswith(MARK) else None)
    if len(marks) != 1:
        raise ValueError(
            f"it should be of one network of this package, but has {len(marks)} such "
            "networks"
        )
    layers = file[f"/{marks[0]}".removesuffix(MARK) or "/"]
    tensors, names = {}, None
    for folder in layers.values():
        stored = folder.get("vars", {})
        if "name" not in getattr(stored, "attrs", {}):
            continue
        layer = stored.attrs["name"]
        for key, array in stored.items():
            if key == classifier.NAMES:
                names = provenance.decode(array[()])
            elif key.isdecimal():
                tensors[f"{layer}/{key}"] = StoredTensor(
                    shape=tuple(array.shape),
                    dtype=str(array.dtype),
                    read=_reader(path, array.name),
                )
    mark = layers["provenance/vars"]
    checkpoint = mark.get(provenance.CHECKPOINT)
    facts = {
        "facts": provenance.decode(mark[provenance.VARIABLE][()]),
        "checkpoint": None if checkpoint is None else provenance.decode(checkpoint[()]),
        "class_names": names,
    }
    return TensorFile(path=path, format="weights.h5", tensors=tensors, facts=facts)


def _reader(path: Path, name: str) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with naming(path):
            try:
                with h5py.File(path) as file:
                    return np.asarray(file[name])
            except (OSError, RuntimeError, KeyError) as error:
                raise ValueError(f"it is damaged ({error})") from error

    return read
