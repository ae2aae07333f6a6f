"""Weights that Keras saved: what they belong to, and loading them strictly."""

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras

from keras_senet.layers import provenance


def stored_facts(path: str | os.PathLike) -> dict[str, Any] | None:
    """Reads which network a `.weights.h5` file belongs to.

    Args:
        path: The file.

    Returns:
        The facts that `Provenance` stored, or `None` if the file has none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no HDF5 file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {path}.")
    found: list[dict[str, Any]] = []

    def visit(name: str, item: Any) -> None:
        if name.endswith(f"provenance/vars/{provenance.VARIABLE}"):
            found.append(provenance.decode(item[()]))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is not a `.weights.h5` file that can be read: {error}"
        ) from error
    return found[0] if found else None


def load_weights(
    model: keras.Model, path: str | os.PathLike, skip_mismatch: bool = False
) -> None:
    """Loads a `.weights.h5` file into a network whose facts must agree.

    Args:
        model: The network.
        path: The file.
        skip_mismatch: Whether layers whose shapes differ keep their values. The
            facts must agree all the same.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file does not fit, by its facts or by a shape.
    """
    saved = stored_facts(path)
    wanted: dict[str, Any] = next(
        (x.facts for x in model.layers if isinstance(x, provenance.Provenance)), {}
    )
    if saved is not None and (what := provenance.differences(saved, wanted)):
        raise ValueError(
            f"`weights` should belong to the network as it is built: {what}. Pass "
            f"the arguments that the file was made with. Received: weights={path}"
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.load_weights(path, skip_mismatch=skip_mismatch)
        except ValueError as error:
            raise ValueError(
                f"`weights` should fit {model.name} with output shape "
                f"{model.output_shape}, but {_layers_in(str(error))} cannot be "
                "loaded (`skip_mismatch=True` keeps such layers random). "
                f"Received: weights={path}"
            ) from error
    for warning in caught:
        text = str(warning.message)
        if "objects could not be loaded" in text:
            warnings.warn(f"Not loaded: {_layers_in(text)}.", stacklevel=3)
        # Keras says so of its private index of layers, whenever a head differs.
        elif "Skipping nested container at '_operations_by_depth" not in text:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _layers_in(message: str) -> str:
    """The layers at the end of Keras' message, which prints their weights too."""
    names = re.findall(r"name=([\w/]+)", message.rpartition("List of objects")[2])
    return ", ".join(names) or "some layers"
