"""A Keras model as an ONNX file, such as one would write by hand."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.export.description import KEY, Description
from keras_senet.export.onnx_conversion import converted, import_converter
from keras_senet.export.onnx_float16 import to_float16
from keras_senet.export.onnx_graph import OnnxGraph
from keras_senet.export.onnx_integers import to_integers
from keras_senet.export.onnx_names import shorten_names
from keras_senet.export.onnx_rewrites import simplify
from keras_senet.export.pointwise import with_pointwise_convolutions
from keras_senet.export.representative import batches_of
from keras_senet.export.squeezing import squeezing_early
from keras_senet.version import __version__

PRECISIONS = ("float32", "float16", "int8")
DATA_FORMATS = ("channels_last", "channels_first")
# The oldest and newest version of operators that the converter and the rewrites know.
OPSETS = (13, 17)
# The key under which the names of the classes stand, one in a line.
LABELS = "labels"
# The version of the format that came with operator set 17: older runtimes read it.
FORMAT_VERSION = 8


def write_onnx(
    model: keras.Model,
    path: str | os.PathLike,
    description: Description,
    *,
    precision: str = "float32",
    representative: Any = None,
    opset: int = 17,
    data_format: str = "channels_last",
) -> None:
    """Writes an ONNX file, with its description and the labels in it.

    The batch is of any size, and so are height and width where the model does not
    fix them. Blocks squeeze before the 1x1 convolution that they recalibrate.

    Args:
        model: A functional model with one input of images, channels last, and one
            output, on the TensorFlow backend; folded, for the fewest operations.
        path: The file.
        description: What the file says of itself.
        precision: `"float32"`; `"float16"`, for weights and computation, the output
            stays float32; `"int8"`, for a network that computes in integers.
        representative: Array of real inputs, or an iterable of batches of them,
            from which `"int8"` takes the ranges; a hundred or so.
        opset: The version of ONNX' operators, 13 to 17.
        data_format: Of the file's input. `"channels_last"` costs one transposition.

    Raises:
        InputError: If the model has an operation that ONNX lacks, or arguments are
            of no use together.

    Example:

    ```python
    from keras_senet.export.onnx_writing import write_onnx

    write_onnx(model, "network.onnx", description)
    ```
    """
    _check(precision, representative, opset, data_format)
    import_converter()
    tuned = with_pointwise_convolutions(squeezing_early(model))
    proto = converted(tuned, description, opset, data_format == "channels_first")
    graph = OnnxGraph(proto)
    simplify(graph)
    shorten_names(graph)
    if precision == "float16":
        to_float16(graph)
    proto = graph.finish()
    if precision == "int8":
        proto = to_integers(proto, _batches(representative, model, data_format))
    _describe(proto, description)
    _save(proto, Path(path))


def _check(precision: str, representative: Any, opset: int, data_format: str) -> None:
    for name, value, known in (
        ("precision", precision, PRECISIONS),
        ("data_format", data_format, DATA_FORMATS),
    ):
        if value not in known:
            raise InputError(
                f"`{name}` should be one of {known}. Received: {name}={value!r}"
            )
    if not OPSETS[0] <= opset <= OPSETS[1]:
        raise InputError(
            f"`opset` should be {OPSETS[0]} to {OPSETS[1]}. Received: opset={opset}"
        )
    if precision == "int8" and representative is None:
        raise InputError(
            "`representative` should be images with `precision='int8'`. Received: None"
        )


def _batches(
    representative: Any, model: keras.Model, data_format: str
) -> Iterator[np.ndarray]:
    """The representative images as the file takes them."""
    images = model.inputs[0]
    for batch in batches_of(representative, tuple(images.shape[1:])):
        if data_format == "channels_first":
            batch = np.moveaxis(batch, -1, 1)
        yield np.ascontiguousarray(batch, images.dtype)


def _describe(proto: Any, description: Description) -> None:
    from onnx import helper

    facts = {KEY: description.to_json()}
    if description.class_names is not None:
        facts[LABELS] = "\n".join(description.class_names)
    del proto.metadata_props[:]
    helper.set_model_props(proto, facts)
    # The converter asks for sets of operators that are not used.
    (used,) = [x for x in proto.opset_import if not x.domain]
    del proto.opset_import[:]
    proto.opset_import.append(used)
    proto.graph.name = description.name
    proto.producer_name, proto.producer_version = "keras_senet", __version__
    proto.doc_string = f"{description.name}: {description.pixels}"
    proto.ir_version = FORMAT_VERSION


def _save(proto: Any, path: Path) -> None:
    import onnx

    try:
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # The checker has classes of its own.
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"The model cannot be an ONNX file: {reason}") from error
    path.write_bytes(proto.SerializeToString())
