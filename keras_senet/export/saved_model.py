"""A Keras model as a SavedModel that TF Serving can pick up."""

import os
from pathlib import Path
from typing import Any

import keras

from keras_senet.export.exporting import Test, export
from keras_senet.export.report import Report
from keras_senet.export.subject import Described, Subject, prepared


def to_saved_model(
    model: keras.Model | Described | Subject,
    path: str | os.PathLike,
    images: Any = None,
    *,
    top: int = 5,
    webp: bool = False,
    tolerance: float | None = None,
    test: Test | None = None,
) -> Report:
    """Writes a versioned SavedModel and proves that it gives the same answers.

    The new version is written beside its folder, loaded in a fresh process that
    knows TensorFlow alone, and run on `images`. Only if its answers are those of
    the Keras model does the folder appear, whole, since servers poll for it.

    Its signatures: `serving_default` takes `images`, float32, in batches of any size,
    and returns what the model returns, by its name (`probabilities`). `serve_bytes`
    takes the bytes of JPEG and PNG files and returns the names and probabilities of
    the best classes; it is there if it is known how a photograph becomes the model's
    input. `features` returns what the last dense layer sees.

    Args:
        model: A functional or sequential model with one input and one output, on the
            TensorFlow backend; or what `describe` or `prepare` made of it.
        path: The folder of the exported model; the version, one more than the
            highest there, becomes a sub-folder.
        images: Array of real images to compare on, with a batch axis, as the file
            takes them; `None` makes some up.
        top: How many classes `serve_bytes` names.
        webp: Whether `serve_bytes` decodes WebP, too, which old servers cannot.
        tolerance: The largest difference of the logits to accept, over their
            standard deviation; `None` is 1e-4.
        test: Returns `(images, labels, weights)` in batches, to measure the accuracy
            of model and file on.

    Returns:
        The report.

    Raises:
        InputError: If the model cannot be exported.
        ParityError: If the answers differ; nothing is left behind.

    Example:

    ```python
    report = to_saved_model(model, "exported/digits", test_images)
    report.largest_difference
    ```
    """
    return export(
        prepared(model, images),
        "saved_model",
        Path(path) / str(next_version(path)),
        tolerance=tolerance,
        test=test,
        top=top,
        webp=webp,
    )


def next_version(path: str | os.PathLike) -> int:
    """One more than the highest version in a folder of exported models."""
    root = Path(path)
    if not root.is_dir():
        return 1
    versions = [int(x.name) for x in root.iterdir() if x.name.isdecimal()]
    return max(versions, default=0) + 1
