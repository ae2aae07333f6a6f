"""A packed data set: TFRecord shards, and an index that says what they hold."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from keras_senet.data import records
from keras_senet.data.augmentation import Augmentation
from keras_senet.data.sharded import Shard, Sharded
from keras_senet.data.shuffling import affordable
from keras_senet.data.source import Source, fingerprint
from keras_senet.errors import InputError

INDEX = "index.json"
# What `pack` leaves until it has finished.
JOURNAL = "packing.jsonl"
FORMAT = 1


def is_packed(path: str | os.PathLike) -> bool:
    """Whether a folder holds a packed data set, even an unfinished one.

    Args:
        path: The folder.

    Returns:
        Whether `packed` is what reads it.
    """
    return any((Path(path) / name).is_file() for name in (INDEX, JOURNAL))


def packed(path: str | os.PathLike) -> Source:
    """Opens a data set that `pack` wrote.

    Shards must be there and have their size; `verify` reads all of them.

    Args:
        path: The folder.

    Returns:
        The data set, with the augmentation and the size of the one it was made of.

    Raises:
        InputError: If it is no packed data set, unfinished or incomplete.
    """
    root = Path(path)
    index = read_index(root)
    shards = _shards(index)
    for shard in shards:
        file = root / shard["file"]
        size = file.stat().st_size if file.is_file() else None
        if size != shard["bytes"]:
            found = "is missing" if size is None else f"has {size} bytes"
            raise InputError(
                f"{file} {found}; it should have {shard['bytes']}. Copy it again, "
                f"or remove {root} and pack again."
            )
    splits = {
        name: Sharded(
            [Shard(str(root / x["file"]), 0, x["count"]) for x in split["shards"]],
            parse=records.parse,
            label=records.label,
            lost=records.lost,
            counts=split["class_counts"],
            buffer=affordable(
                sum(x["count"] for x in split["shards"]),
                sum(x["bytes"] for x in split["shards"]),
            ),
        )
        for name, split in index["splits"].items()
    }
    return Source(
        name=str(root),
        class_names=tuple(index["class_names"]),
        fingerprint=fingerprint(*(shard["sha256"] for shard in shards)),
        train=splits["train"],
        validation=splits["validation"],
        test=splits.get("test"),
        augmentation=_augmentation(root, index["augmentation"]),
        size=index["size"],
    )


def verify(path: str | os.PathLike) -> list[str]:
    """Reads all shards and compares their checksums.

    Args:
        path: The folder of a packed data set.

    Returns:
        Names of the shards that are missing or changed.

    Raises:
        InputError: If it is no packed data set, or an unfinished one.
    """
    root = Path(path)
    shards = _shards(read_index(root))

    def good(shard: dict[str, Any]) -> bool:
        file = root / shard["file"]
        return file.is_file() and checksum(file) == shard["sha256"]

    with ThreadPoolExecutor() as pool:
        results = pool.map(good, shards)
        return [x["file"] for x, fine in zip(shards, results, strict=True) if not fine]


def checksum(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_index(root: Path) -> dict[str, Any]:
    """What `index.json` says.

    Args:
        root: The folder of a packed data set.

    Returns:
        Its contents.

    Raises:
        InputError: If there is none, or none of this version.
    """
    file = root / INDEX
    if (root / JOURNAL).is_file() and not file.is_file():
        raise InputError(
            f"Packing {root} has not finished; run the same command again to go on."
        )
    try:
        index = json.loads(file.read_text())
        version = index["format"]
    except FileNotFoundError as error:
        raise InputError(f"{root} is no packed data set: no {INDEX}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} cannot be read ({error}); pack again.") from error
    if version != FORMAT:
        raise InputError(
            f"{root} is packed in format {version}, and this version of keras_senet "
            f"reads format {FORMAT}; pack again, or install the other version."
        )
    return index


def _shards(index: dict[str, Any]) -> list[dict[str, Any]]:
    return [shard for split in index["splits"].values() for shard in split["shards"]]


def _augmentation(root: Path, values: dict[str, Any] | None) -> Augmentation | None:
    if values is None:
        return None
    # JSON knows no tuples.
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return Augmentation(**values)
    except TypeError as error:
        raise InputError(
            f"The augmentation of {root} is one of another version of keras_senet "
            f"({error}); pack again."
        ) from error
