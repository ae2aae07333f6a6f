"""A Keras model as an ONNX file."""

import os
from typing import Any

import keras

from keras_senet.export.exporting import Test, export
from keras_senet.export.report import Report
from keras_senet.export.subject import Described, Subject, prepared


def to_onnx(
    model: keras.Model | Described | Subject,
    path: str | os.PathLike,
    images: Any = None,
    *,
    precision: str = "float32",
    representative: Any = None,
    opset: int = 17,
    tolerance: float | None = None,
    least_agreement: float | None = None,
    test: Test | None = None,
    overwrite: bool = False,
) -> Report:
    """Writes an ONNX file and proves that it gives the same answers.

    It is written beside its place, checked, and run by ONNX Runtime in a fresh
    process. The batch is of any size; so are height and width where the model does
    not fix them. Labels and description are in its metadata.

    Args:
        model: A functional or sequential model with one input and one output, on the
            TensorFlow backend; or what `describe` or `prepare` made of it.
        path: The file, which ends in `.onnx`.
        images: Array of real images to compare on, with a batch axis, as the file
            takes them; `None` makes some up.
        precision: `"float32"`, `"float16"` (weights and computation), or `"int8"`
            (quantized by ONNX Runtime, statically and per channel).
        representative: For `"int8"`, images like those that will come, to find the
            ranges of the activations; `None` takes `images`.
        opset: The version of ONNX' operators.
        tolerance: The largest difference of the logits to accept, over their standard
            deviation; `None` is 1e-4 for float32 and 1e-2 for float16.
        least_agreement: The least share of images with the Keras model's top-1 class
            to accept; `None` is 0.95 for `"int8"`.
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
    report = to_onnx(model, "model.onnx", test_images)
    report.operations
    ```
    """
    subject = prepared(model, images)
    return export(
        subject,
        "onnx",
        path,
        precision=precision,
        tolerance=tolerance,
        least_agreement=least_agreement,
        test=test,
        overwrite=overwrite,
        representative=subject.images if representative is None else representative,
        opset=opset,
    )
