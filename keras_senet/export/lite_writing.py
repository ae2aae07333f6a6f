"""A Keras model as a .tflite file for LiteRT, of built-in operations only."""

import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.export.description import Description
from keras_senet.export.lite_metadata import (
    NAME,
    associated_files,
    metadata,
    takes_pixels,
)
from keras_senet.export.lite_model import import_schema, with_metadata
from keras_senet.export.lite_ranges import quantized
from keras_senet.export.lite_silence import silence
from keras_senet.export.representative import batches_of
from keras_senet.export.squeezing import squeezing_early

PRECISIONS = ("float32", "float16", "dynamic", "int8")
SIGNATURE = "serving_default"


def write_lite(
    model: keras.Model,
    path: str | os.PathLike,
    description: Description,
    *,
    precision: str = "float32",
    representative: Any = None,
    integer_io: bool = False,
) -> None:
    """Writes a .tflite file, with TFLite Metadata and the labels in it.

    The batch can be resized. The signature has the description's names.

    Args:
        model: A functional model with one input of images, channels last, and one
            output, on the TensorFlow backend.
        path: The file.
        description: What the file says of itself.
        precision: `"float32"`; `"float16"`, in which weights are stored;
            `"dynamic"`, for weights in int8 and activations that are quantized
            when it runs; `"int8"` for a network that computes in integers.
        representative: Array of real inputs, or an iterable of batches of them,
            from which `"int8"` takes the ranges; a hundred or so.
        integer_io: Whether inputs and outputs are integers, too, with `"int8"`:
            outputs are int8; inputs are uint8, exactly the pixels, if the
            description says that they go from 0 to 255, and int8 else.

    Raises:
        InputError: If the model has an operation that is not built into LiteRT,
            or arguments are of no use together.

    Example:

    ```python
    from keras_senet.export.lite_writing import write_lite

    write_lite(model, "network.tflite", description, precision="float16")
    ```
    """
    if precision not in PRECISIONS:
        raise InputError(
            f"`precision` should be one of {PRECISIONS}. "
            f"Received: precision={precision!r}"
        )
    if precision == "int8" and representative is None:
        raise InputError(
            "`representative` should be images with `precision='int8'`. Received: None"
        )
    if integer_io and precision != "int8":
        raise InputError(
            "`integer_io` should be False unless `precision` is 'int8'. "
            f"Received: precision={precision!r}"
        )
    import_schema()
    pixels = takes_pixels(description)

    def convert(converter: Any) -> bytes:
        if precision != "int8":
            _choose(converter, precision)
            return converter.convert()
        shape = tuple(model.inputs[0].shape[1:])
        converter.representative_dataset = lambda: (
            [image.astype(model.inputs[0].dtype)]
            for image in _images(representative, shape, pixels)
        )
        return _integers(converter, integer_io, pixels)

    content = _convert(squeezing_early(model), description, convert)
    content = with_metadata(
        content,
        {NAME: metadata(description)},
        [description.input],
        [description.output],
    )
    _pack(Path(path), content, associated_files(description))


def _convert(
    model: keras.Model, description: Description, convert: Callable[[Any], bytes]
) -> bytes:
    import tensorflow as tf

    shape = tuple(model.inputs[0].shape)
    images = tf.TensorSpec(shape, model.inputs[0].dtype, name=description.input)

    def answer(images: Any) -> dict[str, Any]:
        return {description.output: model(images, training=False)}

    with tempfile.TemporaryDirectory() as folder, silence():
        try:
            archive = keras.export.ExportArchive()
            archive.add_endpoint(SIGNATURE, answer, input_signature=[images])
            archive.write_out(folder, verbose=False)
            return convert(
                tf.lite.TFLiteConverter.from_saved_model(
                    folder, signature_keys=[SIGNATURE]
                )
            )
        except (InputError, OSError, MemoryError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:  # Each step of the converter has its own.
            raise InputError(_reason(str(error))) from error


def _choose(converter: Any, precision: str) -> None:
    """Sets how weights are stored."""
    import tensorflow as tf

    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]


def _integers(converter: Any, integer_io: bool, pixels: bool) -> bytes:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if not integer_io:
        return quantized(converter, tf.float32, tf.float32)
    return quantized(converter, tf.uint8 if pixels else tf.int8, tf.int8)


def _images(representative: Any, shape: tuple, pixels: bool) -> Iterator[np.ndarray]:
    """Goes through the representative images one by one, as batches of one."""
    first = True
    for batch in batches_of(representative, shape):
        for image in batch.astype("float32"):
            if pixels:
                image = np.clip(image, 0, 255)
                if first:
                    # The range decides on the scale, which is 1 for all pixels.
                    image.flat[0], image.flat[-1] = 0, 255
            first = False
            yield image[None]


def _reason(message: str) -> str:
    """What of a converter's error helps a person, in a line."""
    foreign = re.findall(r"^(?:TF Select|Custom) ops: (.+)$", message, re.MULTILINE)
    if foreign:
        return (
            "The model cannot be a TFLite file: LiteRT has no built-in operation for "
            f"{', '.join(dict.fromkeys(foreign))}."
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return f"The model cannot be a TFLite file: {lines[0] if lines else 'no reason'}"


def _pack(path: Path, content: bytes, files: dict[str, str]) -> None:
    """Writes the model and behind it, as TFLite Metadata wants it, a ZIP archive."""
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            # Without the time, so that the same model gives the same file.
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
