"""Writes what `torch.save` writes, without torch: its pickles name fakes."""

import collections
import io
import pickle
import sys
import types
import zipfile
from unittest import mock

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
KINDS = {
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "bool": "BoolStorage",
}


def fake(module, name):
    return type(name, (), {"__module__": module})


class Storage:
    def __init__(self, array, key, kind=None, numel=None):
        array = np.asarray(array)
        self.key, self.data = key, array.tobytes()
        self.numel = array.size if numel is None else numel
        self.kind = FAKES["torch", kind or KINDS[array.dtype.name]]


class Tensor:
    """A tensor as torch pickles it; by default all of its storage."""

    def __init__(self, storage, shape, strides=None, offset=0, rebuild="v2"):
        if strides is None:
            strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
        self.parts = (storage, offset, tuple(shape), tuple(strides))
        self.rebuild = rebuild

    def __reduce__(self):
        if self.rebuild == "v1":
            return FAKES["torch._utils", "_rebuild_tensor"], self.parts
        rest = (False, collections.OrderedDict())
        return FAKES["torch._utils", "_rebuild_tensor_v2"], self.parts + rest


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        arguments = (self.tensor, True, collections.OrderedDict())
        return FAKES["torch._utils", "_rebuild_parameter"], arguments


FAKES = {
    **{("torch", kind): fake("torch", kind) for kind in KINDS.values()},
    **{
        ("torch._utils", f"_rebuild_{what}"): fake("torch._utils", f"_rebuild_{what}")
        for what in ("tensor", "tensor_v2", "parameter")
    },
}


def tensor(array, key):
    array = np.asarray(array)
    return Tensor(Storage(array, key), array.shape)


def pickled(content, protocol=2):
    """The pickle, and the storages that it refers to."""
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            if not isinstance(item, Storage):
                return None
            storages[item.key] = item
            return ("storage", item.kind, item.key, "cpu", item.numel)

    modules = {name: types.ModuleType(name) for name in ("torch", "torch._utils")}
    for (module, name), value in FAKES.items():
        setattr(modules[module], name, value)
    stream = io.BytesIO()
    with mock.patch.dict(sys.modules, modules):
        Pickler(stream, protocol).dump(content)
    return stream.getvalue(), storages


def write_zip(path, content, order=b"little", compression=zipfile.ZIP_STORED):
    """Writes the zip format; `content` may be a pickle already."""
    data, storages = (content, {}) if isinstance(content, bytes) else pickled(content)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", order)
        for key, storage in storages.items():
            archive.writestr(f"archive/data/{key}", storage.data)
        archive.writestr("archive/version", b"3\n")
    return path


def write_legacy(path, content, little_endian=True, protocol=2):
    """Writes the format before; `content` may be a pickle already."""
    data, storages = (
        (content, {}) if isinstance(content, bytes) else pickled(content, protocol)
    )
    system = {"protocol_version": 1001, "little_endian": little_endian}
    keys = sorted(storages)
    with open(path, "wb") as file:
        for part in (MAGIC, 1001, system):
            pickle.dump(part, file, protocol)
        file.write(data)
        pickle.dump(keys, file, protocol)
        for key in keys:
            file.write(storages[key].numel.to_bytes(8, "little"))
            file.write(storages[key].data)
    return path


WRITERS = {"zip": write_zip, "legacy": write_legacy}
