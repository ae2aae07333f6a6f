"""Runs a SavedModel with TensorFlow's C++ loader alone, as TF Serving does.

python cpp_session.py TENSORFLOW_FOLDER SAVED_MODEL RUNS.json ANSWERS.npz

RUNS is a list of {"feeds": {tensor: npz file}, "fetches": [tensor]}; in ANSWERS an
array has the name "run/tensor". Python's TensorFlow is not imported. TF Serving
switches XLA off; so does this.
"""

import ctypes
import json
import sys
from pathlib import Path

import numpy as np
import numpy.random

DTYPES = {1: np.float32, 3: np.int32, 9: np.int64, 10: np.bool_, 4: np.uint8}
STRING, STRING_BYTES = 7, 24
POINTER = ctypes.c_void_p
# What functions give back, where it is more than an int.
POINTERS = (
    *("NewGraph", "NewStatus", "NewSessionOptions", "LoadSessionFromSavedModel"),
    *("AllocateTensor", "TensorData", "GraphOperationByName", "StringGetDataPointer"),
)
NUMBERS = ("Dim", "TensorByteSize", "StringGetSize")


class Output(ctypes.Structure):
    _fields_ = [("operation", POINTER), ("index", ctypes.c_int)]


class Buffer(ctypes.Structure):
    _fields_ = [("data", POINTER), ("length", ctypes.c_size_t), ("free", POINTER)]


def library(folder):
    """Everything that is called, with the types of pointers."""
    tf = ctypes.CDLL(str(Path(folder) / "libtensorflow_cc.so.2"), ctypes.RTLD_LOCAL)
    for name in POINTERS:
        getattr(tf, f"TF_{name}").restype = POINTER
    for name in NUMBERS:
        getattr(tf, f"TF_{name}").restype = ctypes.c_int64
    tf.TF_Message.restype = ctypes.c_char_p
    tf._ZN10tensorflow21DisableXlaCompilationEv()
    return tf


class Session:
    """A loaded SavedModel."""

    def __init__(self, folder, saved_model):
        self.tf = library(folder)
        self.status = POINTER(self.tf.TF_NewStatus())
        self.graph = POINTER(self.tf.TF_NewGraph())
        self.session = POINTER(
            self.tf.TF_LoadSessionFromSavedModel(
                POINTER(self.tf.TF_NewSessionOptions()),
                None,
                str(saved_model).encode(),
                (ctypes.c_char_p * 1)(b"serve"),
                1,
                self.graph,
                ctypes.byref(Buffer()),
                self.status,
            )
        )
        self.check()

    def check(self):
        if self.tf.TF_GetCode(self.status):
            sys.exit(self.tf.TF_Message(self.status).decode(errors="replace"))

    def run(self, feeds, fetches):
        """Answers arrays, by name of the tensor, by a list of arrays."""
        given = [self.tensor(array) for array in feeds.values()]
        answered = (POINTER * len(fetches))()
        self.tf.TF_SessionRun(
            self.session,
            None,
            self.outputs(feeds),
            (POINTER * len(given))(*given),
            len(given),
            self.outputs(fetches),
            answered,
            len(fetches),
            None,
            0,
            None,
            self.status,
        )
        self.check()
        return [self.array(POINTER(tensor)) for tensor in answered]

    def outputs(self, names):
        found = []
        for name in names:
            operation, _, index = name.partition(":")
            at = self.tf.TF_GraphOperationByName(self.graph, operation.encode())
            found.append(Output(at, int(index)))
        return (Output * len(found))(*found)

    def tensor(self, array):
        text = array.dtype.kind in "SO"
        kind = STRING if text else {np.dtype(d): k for k, d in DTYPES.items()}
        number = kind if text else kind[array.dtype]
        length = array.size * STRING_BYTES if text else array.nbytes
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        made = self.tf.TF_AllocateTensor(
            number, shape, array.ndim, ctypes.c_size_t(length)
        )
        data = self.tf.TF_TensorData(POINTER(made))
        if not text:
            ctypes.memmove(data, np.ascontiguousarray(array).ctypes.data, length)
            return made
        for index, content in enumerate(array.ravel().tolist()):
            place = POINTER(data + index * STRING_BYTES)
            self.tf.TF_StringInit(place)
            self.tf.TF_StringCopy(place, content, ctypes.c_size_t(len(content)))
        return made

    def array(self, tensor):
        shape = [
            self.tf.TF_Dim(tensor, axis) for axis in range(self.tf.TF_NumDims(tensor))
        ]
        kind = self.tf.TF_TensorType(tensor)
        data, count = self.tf.TF_TensorData(tensor), int(np.prod(shape))
        if kind != STRING:
            length = self.tf.TF_TensorByteSize(tensor)
            content = ctypes.string_at(data, length)
            return np.frombuffer(content, DTYPES[kind]).reshape(shape)
        texts = []
        for index in range(count):
            place = POINTER(data + index * STRING_BYTES)
            at = self.tf.TF_StringGetDataPointer(place)
            texts.append(ctypes.string_at(at, self.tf.TF_StringGetSize(place)).decode())
        return np.array(texts).reshape(shape)


def main(folder, saved_model, runs, answers):
    """Answers one file of runs."""
    session = Session(folder, saved_model)
    found = {}
    for number, run in enumerate(json.loads(Path(runs).read_text())):
        feeds = {}
        for tensor, file in run["feeds"].items():
            feeds[tensor] = np.load(file, allow_pickle=True)
        for name, array in zip(
            run["fetches"], session.run(feeds, run["fetches"]), strict=True
        ):
            found[f"{number}/{name}"] = array
    assert numpy.random is not None and "tensorflow" not in sys.modules
    assert "keras_senet" not in sys.modules
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
