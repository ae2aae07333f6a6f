"""Exported files in their own runtimes, which know neither Keras nor us.

python runtimes.py FILE IMAGES.npy ANSWERS.npz [REPETITIONS]

As a program it imports nothing of this package: that is how an export is proven.
"""

import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DESCRIPTION = "keras_senet"
SIGNATURE = "serving_default"
# Milliseconds after which a measurement ends.
ENOUGH = 4000


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A file that is open in its runtime.

    Attributes:
        predict: From images (batch, height, width, channels) in 0..255, or as the
            model wants them, to answers: float32 arrays.
        dtype: What the file takes; images are rounded to it if it has whole numbers.
        shape: Height, width and channels, `None` where any will do.
        description: What the file says of itself, JSON, or `None`.
        runtime: The name and the version of the runtime.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    dtype: str
    shape: tuple[int | None, ...]
    description: str | None
    runtime: str


def open_file(path: str | Path, threads: int | None = None) -> Opened:
    """Opens an exported file in its runtime.

    Args:
        path: A `.tflite` or `.onnx` file, or the folder of a SavedModel.
        threads: Within one operation; `None` is the runtime's default.

    Returns:
        The open file.

    Raises:
        ValueError: If it is neither. What the runtime raises if it cannot load it.
    """
    path = Path(path)
    readers = {".tflite": open_lite, ".onnx": open_onnx}
    if path.is_dir():
        return open_saved_model(path, threads)
    if path.suffix not in readers:
        raise ValueError(
            "An exported file ends in .tflite or .onnx, or is the folder of a "
            f"SavedModel. Received: {path}"
        )
    return readers[path.suffix](path, threads)


def open_saved_model(path: Path, threads: int | None = None) -> Opened:
    """Opens a SavedModel by TensorFlow."""
    import tensorflow as tf

    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures[SIGNATURE]
    ((name, spec),) = signature.structured_input_signature[1].items()
    (output,) = signature.structured_outputs
    told = path / "assets.extra" / f"{DESCRIPTION}.json"

    # The default keeps the object alive, on which the signature depends.
    def predict(images: np.ndarray, keep: Any = loaded) -> np.ndarray:
        given = tf.constant(_of_dtype(images, spec.dtype.name))
        return signature(**{name: given})[output].numpy()

    return Opened(
        predict=predict,
        dtype=spec.dtype.name,
        shape=tuple(spec.shape[1:]),
        description=told.read_text() if told.exists() else None,
        runtime=f"TensorFlow {tf.__version__}",
    )


def open_onnx(path: Path, threads: int | None = None) -> Opened:
    """Opens an ONNX file by ONNX Runtime, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    (given,) = session.get_inputs()
    outputs = [x.name for x in session.get_outputs()]
    dtype = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}[given.type]

    def predict(images: np.ndarray) -> np.ndarray:
        return session.run(outputs, {given.name: _of_dtype(images, dtype)})[0]

    return Opened(
        predict=predict,
        dtype=dtype,
        shape=tuple(x if isinstance(x, int) else None for x in given.shape[1:]),
        description=session.get_modelmeta().custom_metadata_map.get(DESCRIPTION),
        runtime=f"ONNX Runtime {onnxruntime.__version__}",
    )


def open_lite(path: Path, threads: int | None = None) -> Opened:
    """Opens a TFLite file by LiteRT."""
    from importlib.metadata import version

    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    (given,) = interpreter.get_input_details()
    (answer,) = interpreter.get_output_details()
    shape = given["shape_signature"][1:]
    prepared: list[tuple[int, ...]] = []

    def predict(images: np.ndarray) -> np.ndarray:
        pixels = _quantized(images, given)
        if prepared != [pixels.shape]:
            interpreter.resize_tensor_input(given["index"], pixels.shape, strict=True)
            interpreter.allocate_tensors()
            prepared[:] = [pixels.shape]
        interpreter.set_tensor(given["index"], pixels)
        interpreter.invoke()
        return _dequantized(interpreter.get_tensor(answer["index"]), answer)

    return Opened(
        predict=predict,
        dtype=np.dtype(given["dtype"]).name,
        shape=tuple(int(x) if x > 0 else None for x in shape),
        description=_told_by_zip(path),
        runtime=f"LiteRT {version('ai-edge-litert')}",
    )


def _told_by_zip(path: Path) -> str | None:
    """TFLite's metadata: files in a zip archive behind the model."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(f"{DESCRIPTION}.json").decode()
    except (zipfile.BadZipFile, KeyError):
        return None


def _of_dtype(images: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "uint8" and images.dtype != np.uint8:
        images = np.clip(np.rint(images), 0, 255)
    return np.ascontiguousarray(images, dtype=dtype)


def _quantized(images: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    scale, zero = tensor["quantization"]
    if not scale:
        return _of_dtype(images, np.dtype(tensor["dtype"]).name)
    limits = np.iinfo(tensor["dtype"])
    levels = np.rint(images / np.float32(scale)) + zero
    return np.clip(levels, limits.min, limits.max).astype(tensor["dtype"])


def _dequantized(values: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    scale, zero = tensor["quantization"]
    if not scale:
        return values
    return ((values.astype("int32") - zero) * np.float32(scale)).astype("float32")


def timed(
    predict: Callable[[np.ndarray], Any], images: np.ndarray, repetitions: int
) -> np.ndarray:
    """Calls a function some times, fewer if it takes long.

    Args:
        predict: The function; it is called once more before, to warm up.
        images: What it is called on.
        repetitions: How often, at most.

    Returns:
        The milliseconds that each call took.
    """
    predict(images)
    taken: list[float] = []
    while len(taken) < repetitions and sum(taken) < ENOUGH:
        start = time.perf_counter()
        predict(images)
        taken.append(1000 * (time.perf_counter() - start))
    return np.array(taken)


def main(path: str, images: str, answers: str, repetitions: str = "0") -> None:
    """Answers the images in one file by arrays in another."""
    opened = open_file(path)
    pixels = np.load(images)
    # In uneven parts: the batch is dynamic, or this fails.
    cut = 1 if len(pixels) > 1 else len(pixels)
    parts = [opened.predict(part) for part in (pixels[:cut], pixels[cut:]) if len(part)]
    found = {"answers": np.concatenate(parts)}
    if int(repetitions):
        for batch in (1, 8):
            some = np.resize(pixels, (batch, *pixels.shape[1:]))
            found[f"milliseconds_{batch}"] = timed(
                opened.predict, some, int(repetitions)
            )
    found["runtime"] = np.array(opened.runtime)
    np.savez(answers, allow_pickle=False, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
