"""From the `weights` argument of a network to a file of weights."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_senet.errors import near_matches
from keras_senet.weights.catalog import CHECKPOINTS, IMAGENET, checkpoint
from keras_senet.weights.checkpoint import Checkpoint
from keras_senet.weights.files import fetch, fetch_hub, local_path, verify
from keras_senet.weights.keras2_file import is_keras2
from keras_senet.weights.keras3_file import is_keras3, read_keras3
from keras_senet.weights.keras_file import read_keras
from keras_senet.weights.pretrained import Pretrained
from keras_senet.weights.readers import read_tensors
from keras_senet.weights.tensors import TensorFile

Weights = str | os.PathLike | None

HUB = "hf://"
HDF5 = b"\x89HDF\r\n\x1a\n"
# The safetensors files that we write carry our facts under this name.
METADATA = "keras_senet"


def published(weights: Weights, network: str) -> Checkpoint | None:
    """The published checkpoint that `weights` names, if it names one.

    Args:
        weights: As for `pretrained`, or `None`. A tag comes before a file of its
            name, which `./` before it names.
        network: The network that asks, such as `"se_resnet50"`.

    Returns:
        Its row, or `None`; nothing is fetched.

    Raises:
        ValueError: If there is none for this network.
    """
    if not isinstance(weights, str | os.PathLike | None):
        raise ValueError(
            "`weights` should be None, a name or a path. "
            f"Received: weights={weights!r} of type {type(weights).__name__}"
        )
    text = os.fspath(weights or "")
    if text == "imagenet":
        if network not in IMAGENET:
            raise ValueError(
                f"There are no published weights of {network}; there are for "
                f"{', '.join(IMAGENET)}. Received: weights='imagenet'"
            )
        return checkpoint(IMAGENET[network])
    for row in CHECKPOINTS:
        if text == row.tag or (row.hub and text == f"{HUB}{row.hub}"):
            return _of(row, network)
    return None


def _of(row: Checkpoint, network: str) -> Checkpoint:
    if row.network != network:
        known = ", ".join(row.tag for row in CHECKPOINTS if row.network == network)
        raise ValueError(
            f"`weights` should be a checkpoint of {network} "
            f"({known or 'there is none'}). Received: weights={row.tag!r}, a "
            f"checkpoint of {row.network}"
        )
    return row


def pretrained(weights: str | os.PathLike, network: str) -> Pretrained:
    """Finds the file that `weights` stands for, and what it is.

    Args:
        weights: `"imagenet"`, the tag of a published checkpoint, `hf://` and a
            repository, or the path of a file.
        network: The network that asks, such as `"se_resnet50"`.

    Returns:
        The file, fetched if needed.

    Raises:
        ValueError: If there is no such checkpoint, it belongs to another network, or
            the file cannot be fetched or read.
        FileNotFoundError: If it is a path without a file.
    """
    if (row := published(weights, network)) is not None:
        path = fetch(row)
        return Pretrained(path=path, file=read_tensors(path), row=row)
    text = os.fspath(weights)
    return opened(fetch_hub(text) if text.startswith(HUB) else _existing(text, network))


def opened(path: Path) -> Pretrained:
    """Opens a file of weights, of any format, and recognizes what it is.

    Args:
        path: A file.

    Returns:
        The file, and what it says about itself.

    Raises:
        ValueError: If it cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(len(HDF5))
    if start == HDF5 and not is_keras2(path):
        file = read_keras3(path) if is_keras3(path) else read_keras(path)
        return _ours(path, file, file.facts)
    if _is_keras(path):
        file = read_keras(path)
        return _ours(path, file, file.facts)
    file = read_tensors(path)
    if METADATA not in file.facts:
        return Pretrained(path=path, file=file, row=_recognized(path))
    try:
        return _ours(path, file, json.loads(file.facts[METADATA]))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} cannot be read as weights: its metadata under {METADATA!r} are "
            f"not as this package writes them ({error})."
        ) from error


def _ours(path: Path, file: TensorFile, claims: Mapping[str, Any]) -> Pretrained:
    names = claims["class_names"]
    return Pretrained(
        path=path,
        file=file,
        facts=claims["facts"],
        checkpoint=claims["checkpoint"],
        class_names=None if names is None else tuple(names),
    )


def _existing(text: str, network: str) -> Path:
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise ValueError(f"`weights` should be a file. Received: the folder {path}")
    if "://" not in text and (path.suffix or path.parent != Path()):
        hint = " Repositories of the hub begin with hf://." if "/" in text else ""
        raise FileNotFoundError(f"There is no weights file {path}.{hint}")
    tags = [row.tag for row in CHECKPOINTS if row.network == network]
    tags = ["imagenet", *tags] if tags else [row.tag for row in CHECKPOINTS]
    raise ValueError(
        "`weights` should be None, 'imagenet', the tag of a published checkpoint, "
        f"'hf://owner/name' or the path of a file. {near_matches(text, tags, 5)} "
        f"Received: weights={text!r}"
    )


def _is_keras(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return {"config.json", "model.weights.h5"} <= set(archive.namelist())


def _recognized(path: Path) -> Checkpoint | None:
    """The published checkpoint that a file is, by its name, size and hash."""
    for row in CHECKPOINTS:
        # Files of the hub have all one name; where they lie tells them apart.
        cached = row.hub and f"models--{row.hub.replace('/', '--')}" in path.parts
        placed = path == local_path(row)
        if cached or placed or (row.hub is None and row.file == path.name):
            try:
                verify(path, row)
            except ValueError:
                return None
            return row
    return None
