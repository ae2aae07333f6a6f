"""Files of `torch.save`, in its zip format and in the one before, without torch."""

import io
import mmap
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from keras_senet.weights.regions import (
    Region,
    numpy_dtype,
    read_region,
    stored_tensors,
)
from keras_senet.weights.state_dicts import find_tensors
from keras_senet.weights.tensors import TensorFile
from keras_senet.weights.torch_objects import Storage
from keras_senet.weights.unpickling import unpickle
from keras_senet.weights.unreadable import shown

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
PICKLE = "data.pkl"
LOCAL_HEADER = struct.Struct("<4s22xHH")
COUNT = struct.Struct("<q")


def read_zip(path: Path) -> TensorFile:
    """Reads the zip format, which torch writes since version 1.6.

    Args:
        path: The file, a zip archive with a `data.pkl` in its only folder.

    Returns:
        Its tensors.

    Raises:
        ValueError: If it is damaged, or holds more than tensors.
    """
    entries = _entries(path)
    folders = [x.removesuffix(PICKLE) for x in entries if x.endswith(f"/{PICKLE}")]
    if {"config.json", "model.weights.h5"} <= entries.keys():
        raise ValueError(
            "it is a whole Keras model, which `keras.models.load_model` reads"
        )
    if len(folders) != 1:
        raise ValueError(f"its zip archive has {len(folders)} pickles instead of one")
    (folder,) = folders
    if f"{folder}constants.pkl" in entries:
        raise ValueError("it is a TorchScript program; save its `state_dict()` instead")
    with path.open("rb") as file:
        regions = {
            name.removeprefix(folder): _region(file, entry)
            for name, entry in entries.items()
        }
    order = regions.get("byteorder")
    if order is not None and read_region(path, order) != b"little":
        raise ValueError("its numbers are not little-endian")
    storages: dict[str, Storage] = {}
    content = unpickle(io.BytesIO(read_region(path, regions[PICKLE])), storages)
    return _file(
        path,
        content,
        {key: regions[f"data/{key}"] for key in storages if f"data/{key}" in regions},
    )


def _entries(path: Path) -> dict[str, zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (
        *(zipfile.BadZipFile, struct.error, EOFError, OSError, NotImplementedError),
        *(LookupError, OverflowError, ValueError),
    ) as error:
        raise ValueError(f"it is a damaged zip archive ({error})") from error
    by_name = {entry.filename: entry for entry in entries}
    if len(by_name) < len(entries):
        raise ValueError("its zip archive has two entries of one name")
    return by_name


def _region(file: BinaryIO, entry: zipfile.ZipInfo) -> Region:
    """Where an entry's bytes are; torch never compresses them."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        raise ValueError("its zip archive is compressed or encrypted, not by torch")
    # Offsets that lie before a file's begin are what zipfile makes of damaged ones.
    file.seek(max(0, entry.header_offset))
    header = file.read(LOCAL_HEADER.size)
    if len(header) < LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
        raise ValueError("it is a damaged zip archive (an entry is not in its place)")
    _, name, extra = LOCAL_HEADER.unpack(header)
    begin = file.tell() + name + extra
    if begin + entry.file_size > os.fstat(file.fileno()).st_size:
        raise ValueError("it is a damaged zip archive (an entry is cut off)")
    return Region(begin, entry.file_size, entry.CRC)


def read_legacy(path: Path) -> TensorFile:
    """Reads the format before: five pickles, and then the storages.

    Args:
        path: The file.

    Returns:
        Its tensors.

    Raises:
        ValueError: If it is damaged, or holds more than tensors.
    """
    storages: dict[str, Storage] = {}
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stream,
    ):
        if unpickle(stream) != MAGIC or unpickle(stream) != PROTOCOL:
            raise ValueError("it begins as no file of torch does")
        system = unpickle(stream)
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ValueError("its numbers are not little-endian")
        content = unpickle(stream, storages)
        keys = unpickle(stream)
        regions = _rows(stream, keys, storages)
    return _file(path, content, regions)


def _rows(
    stream: mmap.mmap, keys: Any, storages: Mapping[str, Storage]
) -> dict[str, Region]:
    """Where the storages are that follow, each after its count of numbers."""
    if not isinstance(keys, list):
        raise ValueError("its list of storages is none")
    regions: dict[str, Region] = {}
    for key in keys:
        if not isinstance(key, str) or key not in storages or key in regions:
            raise ValueError("its list of storages is not that of its tensors")
        head = stream.read(COUNT.size)
        if len(head) < COUNT.size:
            raise ValueError(f"it is cut off before its storage {shown(key)}")
        (count,) = COUNT.unpack(head)
        if count != storages[key].numel:
            raise ValueError(f"it contradicts itself about its storage {shown(key)}")
        size = count * numpy_dtype(storages[key].dtype).itemsize
        begin = stream.tell()
        if begin + size > len(stream):
            raise ValueError(f"it is cut off within its storage {shown(key)}")
        stream.seek(begin + size)
        regions[key] = Region(begin, size)
    return regions


def _file(path: Path, content: Any, regions: Mapping[str, Region]) -> TensorFile:
    views, meta = find_tensors(content)
    return TensorFile(
        path=path,
        format="pth",
        tensors=stored_tensors(path, views, regions),
        facts={"meta": meta},
    )
