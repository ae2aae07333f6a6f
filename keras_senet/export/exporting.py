"""One way for every format: write, run elsewhere, compare, and only then appear."""

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_senet.errors import InputError
from keras_senet.evaluation.accuracy import Accuracy, measure
from keras_senet.export.lite_model import count_operations
from keras_senet.export.lite_writing import write_lite
from keras_senet.export.onnx_writing import write_onnx
from keras_senet.export.operations import onnx_operations, saved_model_operations
from keras_senet.export.parity import (
    LEAST_OF_INTEGERS,
    LEAST_PROBABILITY,
    LIMITS,
    check,
    compare,
    replay,
)
from keras_senet.export.report import Latency, Report
from keras_senet.export.runtimes import open_file
from keras_senet.export.serving_files import write_saved_model
from keras_senet.export.subject import Subject
from keras_senet.files import written_whole

REPETITIONS = 20
EXTRAS = {"saved_model": "tensorflow", "tflite": "tflite", "onnx": "onnx"}
# (images, labels, weights), as often as it is called.
Test = Callable[[], Iterable[tuple[Any, Any, Any]]]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of exported files.

    Attributes:
        title: Its name for people.
        suffix: Of its files; a SavedModel is a folder.
        precisions: In which it can be written, the default first.
        needs: Modules of the extra that bears its key, to write and to prove it.
        write: Writes a model, a path, a description; precision and representative
            images where there are several precisions.
        operations: Counts the operations of a file by kind.
    """

    title: str
    suffix: str
    precisions: tuple[str, ...]
    needs: tuple[str, ...]
    write: Callable[..., None]
    operations: Callable[[Path], dict[str, int]]


FORMATS = {
    "saved_model": Format(
        title="SavedModel",
        suffix="",
        precisions=("float32",),
        needs=("tensorflow",),
        write=write_saved_model,
        operations=saved_model_operations,
    ),
    "tflite": Format(
        title="TFLite",
        suffix=".tflite",
        precisions=("float32", "float16", "dynamic", "int8"),
        needs=("ai_edge_litert",),
        write=write_lite,
        operations=count_operations,
    ),
    "onnx": Format(
        title="ONNX",
        suffix=".onnx",
        precisions=("float32", "float16", "int8"),
        needs=("onnx", "tf2onnx", "onnxruntime"),
        write=write_onnx,
        operations=onnx_operations,
    ),
}


def export(
    subject: Subject,
    format: str,
    path: str | os.PathLike,
    *,
    precision: str = "float32",
    tolerance: float | None = None,
    least_agreement: float | None = None,
    test: Test | None = None,
    accuracy_before: Accuracy | None = None,
    overwrite: bool = False,
    **settings: Any,
) -> Report:
    """Writes a file beside its place, proves it, and puts it there.

    Args:
        subject: What `prepare` made of the model.
        format: A key of `FORMATS`.
        path: The file, or the folder of the SavedModel's version.
        precision: One of the format's.
        tolerance: The largest difference of the logits to accept, over their standard
            deviation; `None` takes that of `LIMITS`.
        least_agreement: The least share of images with the same top-1 class to accept.
        test: Gives the test images, if accuracy is to be measured.
        accuracy_before: Of the Keras model on them, if that is known.
        overwrite: Whether a file that is there may be replaced.
        settings: Of the writer.

    Returns:
        The report.

    Raises:
        InputError: If something exists there, or the model cannot be converted.
        ParityError: If the answers differ; nothing is left behind.
    """
    path, kind = Path(path), FORMATS[format]
    check_place(path, overwrite)
    check_installed(format)
    if precision not in kind.precisions:
        raise InputError(
            f"{kind.title} files are written in {', '.join(kind.precisions)}. "
            f"Received: precision={precision!r}"
        )
    if len(kind.precisions) > 1:
        settings["precision"] = precision
    limits = LIMITS[precision]
    limits = (
        limits[0] if tolerance is None else tolerance,
        limits[1] if least_agreement is None else least_agreement,
    )
    with _in_words(path), written_whole(path) as beside:
        kind.write(subject.model, beside, subject.description, **settings)
        found = replay(beside, subject.images, REPETITIONS)
        output = subject.description.output
        least = LEAST_OF_INTEGERS if precision == "int8" else LEAST_PROBABILITY
        differences = compare(subject.expected, found["answers"], output, least)
        check(differences, precision, *limits)
        before = after = None
        if test is not None:
            before = accuracy_before or measure(subject.predict, test())
            after = measure(_predict(beside), test())
        return Report(
            format=format,
            precision=precision,
            path=path,
            bytes=_size(beside),
            parameter_bytes=4 * subject.parameters,
            runtime=str(found["runtime"]),
            images=len(subject.images),
            images_from=subject.images_from,
            largest_difference=differences.largest,
            relative_difference=differences.relative,
            tolerance=limits[0],
            top1_agreement=differences.agreement,
            least_agreement=limits[1],
            accuracy_before=before,
            accuracy_after=after,
            latency=_latency(found),
            keras_operations=subject.operations,
            operations=kind.operations(beside),
        )


def check_place(path: Path, overwrite: bool) -> None:
    """Refuses a place where something is, before any work is done.

    Raises:
        InputError: If it may not, or cannot, be replaced.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder that exists already.")
    if path.exists() and not overwrite:
        raise InputError(
            f"{path} exists already. Choose another place, or allow to overwrite it."
        )
    parent = next(x for x in path.absolute().parents if x.exists())
    if not parent.is_dir():
        raise InputError(f"{parent} is a file, so {path} cannot be made.")
    if not os.access(parent, os.W_OK):
        raise InputError(f"{parent} cannot be written to.")


def check_installed(format: str) -> None:
    """Refuses a format whose packages are not installed, before any work is done.

    Raises:
        InputError: With the extra that has them.
    """
    missing = [x for x in FORMATS[format].needs if importlib.util.find_spec(x) is None]
    if missing:
        raise InputError(
            f"{FORMATS[format].title} files need {', '.join(missing)}: "
            f'pip install "keras_senet[{EXTRAS[format]}]"'
        )


@contextlib.contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Says of a full disk and the like which file it is about."""
    import tensorflow as tf

    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError(f"{path} could not be written: {reason}") from error


def _predict(path: Path) -> Callable[[Any], Any]:
    opened = open_file(path)
    return lambda images: opened.predict(np.asarray(images))


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _latency(found: dict[str, np.ndarray]) -> tuple[Latency, ...]:
    return tuple(
        Latency(
            batch=batch,
            median=float(np.median(found[f"milliseconds_{batch}"])),
            p95=float(np.percentile(found[f"milliseconds_{batch}"], 95)),
        )
        for batch in (1, 8)
    )
