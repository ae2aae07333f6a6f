"""Networks of this package inside `.keras` files, as tensors and facts."""

import functools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from keras_senet.layers import Classifier, Provenance
from keras_senet.weights.tensors import StoredTensor, TensorFile


def read_keras(path: Path) -> TensorFile:
    """Reads a `.keras` file, or a whole model as HDF5.

    Args:
        path: The file.

    Returns:
        The tensors of the network in it, named as in our networks; its facts are
        those of `facts_of`, and `"left_out"`, the names of all other layers.

    Raises:
        ValueError: If it cannot be loaded, or holds no network of this package.
    """
    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    networks = list(_networks(model))
    if len(networks) != 1:
        raise ValueError(
            f"{path} should hold one network of this package. Received: {model.name}, "
            f"which is none, and has {len(networks)}"
        )
    (network,) = networks
    tensors = {
        f"{layer.name}/{weight.name}": StoredTensor(
            shape=tuple(weight.shape),
            dtype=keras.backend.standardize_dtype(weight.dtype),
            read=functools.partial(keras.ops.convert_to_numpy, weight),
        )
        for layer in network_layers(network)
        for weight in layer.weights
    }
    kept = {id(layer) for layer in network_layers(network)}
    others = [layer.name for layer in _leaves(model) if id(layer) not in kept]
    facts = {**facts_of(network), "left_out": sorted(others)}
    return TensorFile(path=path, format="keras", tensors=tensors, facts=facts)


def facts_of(network: keras.Model) -> dict[str, Any]:
    """What a network says about itself, as JSON values.

    Args:
        network: A network of this package.

    Returns:
        `"facts"` and `"checkpoint"` of its `Provenance`, and `"class_names"` of its
        classifier.
    """
    mark = provenance_of(network)
    heads = [layer for layer in network.layers if isinstance(layer, Classifier)]
    names = heads[-1].class_names if heads else None
    return {
        "facts": mark.facts,
        "checkpoint": mark.checkpoint,
        "class_names": None if names is None else list(names),
    }


def provenance_of(network: keras.Model) -> Provenance:
    """The layer that says which network it is."""
    return next(layer for layer in network.layers if isinstance(layer, Provenance))


def _networks(model: Any) -> Iterator[keras.Model]:
    """The networks of this package in a model: itself, or models nested in it."""
    layers = getattr(model, "layers", ())
    if any(isinstance(layer, Provenance) for layer in layers):
        yield model
    for layer in layers:
        yield from _networks(layer)


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """All layers that compute something, also those of models inside."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def network_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network, without those that its images come through."""
    images = provenance_of(network).input
    before = keras.Model(network.inputs, images).layers
    return [layer for layer in network.layers if layer not in before]
