"""A Keras model as a SavedModel that TF Serving can pick up."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.export.parity import TOLERANCE, Report, compare, replay
from keras_senet.files import written_whole

INPUT, OUTPUT = "images", "probabilities"


def to_saved_model(
    model: keras.Model,
    path: str | os.PathLike,
    images: Any,
    *,
    tolerance: float = TOLERANCE,
) -> Report:
    """Writes a versioned SavedModel and proves that it gives the same answers.

    The new version is written beside its folder, loaded in a fresh process that
    knows TensorFlow alone, and run on `images`. Only if its answers are those of
    the Keras model does the folder appear, whole, since servers poll for it.

    The signature `serving_default` takes `images`, float32, of the model's input
    shape with any batch size, and returns a dictionary with `probabilities`.

    Args:
        model: A functional model with one input and one output, on the
            TensorFlow backend.
        path: The folder of the exported model; the version, one more than the
            highest there, becomes a sub-folder.
        images: Array of real inputs to compare on, with a batch axis.
        tolerance: The largest difference of a probability to accept.

    Returns:
        The report of the comparison.

    Raises:
        InputError: If the model cannot be exported by this function.
        ParityError: If the answers differ; nothing is left behind.

    Example:

    ```python
    report = to_saved_model(model, "exported/digits", test_images)
    report.largest_difference
    ```
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "SavedModel export runs on Keras' TensorFlow backend. Set "
            f"KERAS_BACKEND=tensorflow. Received: {keras.backend.backend()}"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(
            "`model` should have one input and one output. Received: "
            f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        )
    images = np.asarray(images, dtype="float32")
    expected = np.asarray(model.predict_on_batch(images))
    target = Path(path) / str(next_version(path))
    with written_whole(target) as beside:
        write(model, beside)
        largest = compare(expected, replay(beside, {INPUT: images})[OUTPUT], tolerance)
    return Report(path=target, images=len(images), largest_difference=largest)


def write(model: keras.Model, path: Path) -> None:
    """Writes the SavedModel itself."""
    import tensorflow as tf

    shape = tuple(model.inputs[0].shape)

    def serve(images: Any) -> dict[str, Any]:
        return {OUTPUT: model(images, training=False)}

    archive = keras.export.ExportArchive()
    # Tracking the model would store every variable a second time.
    archive.add_endpoint(
        "serving_default",
        serve,
        input_signature=[tf.TensorSpec(shape, tf.float32, name=INPUT)],
    )
    archive.write_out(str(path), verbose=False)


def next_version(path: str | os.PathLike) -> int:
    """One more than the highest version in a folder of exported models."""
    root = Path(path)
    if not root.exists():
        return 1
    versions = [int(x.name) for x in root.iterdir() if x.name.isdecimal()]
    return max(versions, default=0) + 1
