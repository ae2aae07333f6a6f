"""A Keras model as a TFLite file."""

import os
from typing import Any

import keras

from keras_senet.export.exporting import Test, export
from keras_senet.export.report import Report
from keras_senet.export.subject import Described, Subject, prepared


def to_tflite(
    model: keras.Model | Described | Subject,
    path: str | os.PathLike,
    images: Any = None,
    *,
    precision: str = "float32",
    representative: Any = None,
    integer_io: bool = False,
    tolerance: float | None = None,
    least_agreement: float | None = None,
    test: Test | None = None,
    overwrite: bool = False,
) -> Report:
    """Writes a TFLite file and proves that it gives the same answers.

    It is written beside its place and run by LiteRT in a fresh process. All its
    operators are built-ins, the batch is of any size, and labels and description are
    in its metadata.

    Args:
        model: A functional or sequential model with one input and one output, on the
            TensorFlow backend; or what `describe` or `prepare` made of it.
        path: The file, which ends in `.tflite`.
        images: Array of real images to compare on, with a batch axis, as the file
            takes them; `None` makes some up.
        precision: `"float32"`; `"float16"` (weights); `"dynamic"` (8-bit weights, the
            activations quantized as they come); or `"int8"` (all in 8 bits).
        representative: For `"int8"`, images like those that will come, to find the
            ranges of the activations; `None` takes `images`.
        integer_io: For `"int8"`, whether input and output are integers, too.
        tolerance: The largest difference of the logits to accept, over their standard
            deviation; `None` is 1e-4 for float32 and 1e-2 for float16.
        least_agreement: The least share of images with the Keras model's top-1 class
            to accept; `None` is 0.95 for `"dynamic"` and `"int8"`.
        test: Returns `(images, labels, weights)` in batches, to measure the accuracy
            of model and file on.
        overwrite: Whether a file that is there may be replaced.

    Returns:
        The report.

    Raises:
        InputError: If the model cannot be exported, or something is there already.
        ParityError: If the answers differ; nothing is left behind.

    Example:

    ```python
    report = to_tflite(model, "model.tflite", test_images, precision="float16")
    report.relative_difference
    ```
    """
    subject = prepared(model, images)
    return export(
        subject,
        "tflite",
        path,
        precision=precision,
        tolerance=tolerance,
        least_agreement=least_agreement,
        test=test,
        overwrite=overwrite,
        representative=subject.images if representative is None else representative,
        integer_io=integer_io,
    )
