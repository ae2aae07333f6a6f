"""Bytes of a file, and the tensors in them."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_senet.weights.tensors import StoredTensor
from keras_senet.weights.torch_objects import Storage, View
from keras_senet.weights.unreadable import naming, shown

CHUNK = 1 << 20


def numpy_dtype(name: str) -> np.dtype:
    """NumPy's dtype of a name, or that of `ml_dtypes`, as Keras does it."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name) if name == "bfloat16" else name)


@dataclass(frozen=True)
class Region:
    """Bytes of a file.

    Attributes:
        begin: Where they begin.
        size: How many there are.
        crc: Their CRC-32, or 0 if there is none.
    """

    begin: int
    size: int
    crc: int = 0


def read_region(path: Path, region: Region) -> bytes:
    """Reads a region that is known to be small."""
    with path.open("rb") as file:
        file.seek(region.begin)
        content = file.read(region.size)
    if len(content) < region.size or region.crc not in (0, zlib.crc32(content)):
        raise ValueError("its checksum is wrong")
    return content


def stored_tensors(
    path: Path, views: Mapping[str, View], regions: Mapping[str, Region]
) -> dict[str, StoredTensor]:
    """Makes tensors that are read when they are needed.

    Args:
        path: The file.
        views: The tensors.
        regions: From the key of a storage to its bytes.

    Returns:
        The tensors, by the same names.

    Raises:
        ValueError: If a storage is missing, or is not as large as it should be.
    """
    checked: set[Region] = set()
    found = {}
    for name, view in views.items():
        storage = view.storage
        region = regions.get(storage.key)
        if region is None:
            raise ValueError(f"its storage {shown(storage.key)} is missing")
        if region.size // numpy_dtype(storage.dtype).itemsize != storage.numel:
            raise ValueError(
                f"its storage {shown(storage.key)} should be {storage.numel} numbers "
                f"of {storage.dtype}, but there are {region.size} bytes"
            )
        found[name] = StoredTensor(
            view.shape, storage.dtype, _reader(path, view, region, checked)
        )
    return found


def _reader(
    path: Path, view: View, region: Region, checked: set[Region]
) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with naming(path):
            # Once, since hundreds of tensors may share one storage.
            if region.crc and region not in checked:
                _check(path, region, view.storage)
                checked.add(region)
            return _read(path, view, region)

    return read


def _check(path: Path, region: Region, storage: Storage) -> None:
    crc, left = 0, region.size
    with path.open("rb") as file:
        file.seek(region.begin)
        while left and (chunk := file.read(min(left, CHUNK))):
            crc, left = zlib.crc32(chunk, crc), left - len(chunk)
    if crc != region.crc:
        raise ValueError(
            f"the checksum of its storage {shown(storage.key)} is wrong; it is damaged"
        )


def _read(path: Path, view: View, region: Region) -> np.ndarray:
    dtype = numpy_dtype(view.storage.dtype)
    begin = region.begin + (view.storage.begin + view.offset) * dtype.itemsize
    # Bytes, because NumPy reads no bfloat16 from files.
    read = np.fromfile(path, np.uint8, view.span * dtype.itemsize, offset=begin)
    if len(read) < view.span * dtype.itemsize:
        raise ValueError("it became shorter since it was opened")
    if not len(read):
        return np.zeros(view.shape, dtype)
    strides = [stride * dtype.itemsize for stride in view.strides]
    strided = np.lib.stride_tricks.as_strided(read.view(dtype), view.shape, strides)
    return np.ascontiguousarray(strided).reshape(view.shape)
