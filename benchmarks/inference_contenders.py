"""What `inference.py` compares: processes that answer images when they are told to."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from contender import answer, timm_network

# Turns are as long as they are told to be; each step is one call.
Turns = Callable[..., Iterator[None]]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one process does.

    Attributes:
        kind: A key of `KINDS`.
        path: The model's file.
        batch_size: Images in a call.
        image_size: Side of the images.
        threads: Within one operation.
    """

    kind: str
    path: str = ""
    batch_size: int = 1
    image_size: int = 224
    threads: int = 2


def images(entry: Entry) -> np.ndarray:
    """Noise, channels last, in 0..255."""
    shape = (entry.batch_size, entry.image_size, entry.image_size, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


def run_keras(entry: Entry, turns_of: Turns) -> None:
    """Calls `predict`."""
    import keras
    import tensorflow as tf

    import keras_senet  # noqa: F401  (registers the layers)

    tf.config.threading.set_intra_op_parallelism_threads(entry.threads)
    model, x = keras.models.load_model(entry.path, compile=False), images(entry)
    for _ in turns_of(lambda: None):
        model.predict(x, verbose=0)


def run_file(entry: Entry, turns_of: Turns) -> None:
    """Runs an exported file in its runtime."""
    from keras_senet.export.runtimes import open_file

    opened, x = open_file(entry.path, entry.threads), images(entry)
    for _ in turns_of(lambda: None):
        opened.predict(x)


def run_openvino(entry: Entry, turns_of: Turns) -> None:
    """Runs an ONNX file in OpenVINO, in float32."""
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": str(entry.threads),
    }
    model = openvino.Core().compile_model(entry.path, "CPU", settings)
    x = images(entry)
    if model.input(0).partial_shape[1].is_static:
        channels_first = model.input(0).partial_shape[1].get_length() == 3
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if channels_first else x
    request = model.create_infer_request()
    for _ in turns_of(lambda: None):
        request.infer([x])


def run_onnx_of_torch(entry: Entry, turns_of: Turns) -> None:
    """Runs the ONNX file of PyTorch, channels first, in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = entry.threads
    session = onnxruntime.InferenceSession(entry.path, options)
    x = np.ascontiguousarray(images(entry).transpose(0, 3, 1, 2))
    name = session.get_inputs()[0].name
    for _ in turns_of(lambda: None):
        session.run(None, {name: x})


def run_torch(entry: Entry, turns_of: Turns) -> None:
    """Runs timm's network in PyTorch, compiled if the path says so."""
    import torch

    torch.set_num_threads(entry.threads)
    model = timm_network().eval().to(memory_format=torch.channels_last)
    if entry.path == "compiled":
        model = torch.compile(model)
    x = torch.from_numpy(images(entry).transpose(0, 3, 1, 2))
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for _ in turns_of(lambda: None):
            model(x)


KINDS = {
    "keras": run_keras,
    "file": run_file,
    "openvino": run_openvino,
    "onnx_of_torch": run_onnx_of_torch,
    "torch": run_torch,
}

if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "tensorflow"
    entry = Entry(**json.loads(sys.argv[1]))
    answer(KINDS[entry.kind], entry)
