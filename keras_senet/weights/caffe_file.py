"""Files of Caffe, by a description of the few fields that hold weights."""

import functools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_senet.weights.tensors import StoredTensor, TensorFile
from keras_senet.weights.unreadable import naming, shown

# Caffe's own limit.
MOST_AXES = 32
# Message, then field, number, type and whether it is repeated. What is bytes here is
# a string or packed numbers in Caffe's own description, and the same in the file.
FIELDS: dict[str, list[tuple[str, int, str, bool]]] = {
    "BlobShape": [("dim", 1, "int64", True)],
    "BlobProto": [
        ("num", 1, "int32", False),
        ("channels", 2, "int32", False),
        ("height", 3, "int32", False),
        ("width", 4, "int32", False),
        ("data", 5, "bytes", False),
        ("shape", 7, "BlobShape", False),
        ("double_data", 8, "bytes", False),
    ],
    "V1LayerParameter": [
        ("name", 4, "bytes", False),
        ("type", 5, "int32", False),
        ("blobs", 6, "BlobProto", True),
    ],
    "LayerParameter": [
        ("name", 1, "bytes", False),
        ("type", 2, "bytes", False),
        ("blobs", 7, "BlobProto", True),
    ],
    "NetParameter": [
        ("name", 1, "bytes", False),
        ("layers", 2, "V1LayerParameter", True),
        ("layer", 100, "LayerParameter", True),
    ],
}
LEGACY = ("num", "channels", "height", "width")


@functools.cache
def _network_message() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    package = "keras_senet.caffe"
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package=package)
    for message, fields in FIELDS.items():
        described = file.message_type.add(name=message)
        for name, number, kind, repeated in fields:
            field = described.field.add(name=name, number=number)
            field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            if kind in FIELDS:
                field.type = field.TYPE_MESSAGE
                field.type_name = f".{package}.{kind}"
            else:
                field.type = getattr(field, f"TYPE_{kind.upper()}")
    # A pool of its own, since Caffe's description may be in the default one.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    described = pool.FindMessageTypeByName(f"{package}.NetParameter")
    return message_factory.GetMessageClass(described)


def read_caffemodel(path: Path) -> TensorFile:
    """Reads a file of Caffe, with layers of the old kind or the new.

    The file's content stays in memory as long as one of the tensors does.

    Args:
        path: The file.

    Returns:
        Its tensors, named `"{layer}.{index of the blob}"`. The facts are `name`, the
        network's, and `types`, from the name of a layer to its type: a string, or a
        number for layers of the old kind.

    Raises:
        ValueError: If it is damaged, or has no weights.
    """
    from google.protobuf.message import DecodeError

    network = _network_message()()
    try:
        network.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"it is no whole file of Caffe ({error})") from error
    tensors: dict[str, StoredTensor] = {}
    types: dict[str, str | int] = {}
    for name, kind, blobs in _layers(network):
        # A network has several layers of one name if they are for different phases.
        types.setdefault(name, kind)
        for index, blob in enumerate(blobs):
            if f"{name}.{index}" in tensors:
                raise ValueError(f"it has two layers {shown(name)} with weights")
            tensors[f"{name}.{index}"] = _tensor(path, f"{name}.{index}", blob)
    facts = {"name": _text(network.name), "types": types}
    return TensorFile(path=path, format="caffemodel", tensors=tensors, facts=facts)


def _layers(network: Any) -> Iterator[tuple[str, str | int, Any]]:
    for layer in network.layers:
        yield _text(layer.name), layer.type, layer.blobs
    for layer in network.layer:
        yield _text(layer.name), _text(layer.type), layer.blobs


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise ValueError("a name in it is no text") from error


def _shape(blob: Any) -> tuple[int, ...]:
    if any(blob.HasField(field) for field in LEGACY):
        return tuple(getattr(blob, field) for field in LEGACY)
    if len(blob.shape.dim) > MOST_AXES:
        raise ValueError(f"it has a blob of {len(blob.shape.dim)} axes")
    return tuple(blob.shape.dim)


def _tensor(path: Path, name: str, blob: Any) -> StoredTensor:
    shape = _shape(blob)
    field, dtype = ("data", "float32")
    if blob.HasField("double_data"):
        field, dtype = ("double_data", "float64")
    size = len(getattr(blob, field))
    if min(shape, default=0) < 0 or size != math.prod(shape) * np.dtype(dtype).itemsize:
        raise ValueError(
            f"its blob {shown(name)} of shape {shape} has {size} bytes of packed "
            f"{dtype}; it is damaged, or its numbers are not packed"
        )
    return StoredTensor(shape, dtype, _reader(path, blob, shape, field, dtype))


def _reader(
    path: Path, blob: Any, shape: tuple[int, ...], field: str, dtype: str
) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with naming(path):
            packed = np.frombuffer(getattr(blob, field), np.dtype(dtype))
            return packed.reshape(shape)

    return read
