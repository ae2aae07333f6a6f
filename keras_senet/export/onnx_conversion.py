"""From a Keras model to an ONNX model, by tf2onnx."""

from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.export.description import Description
from keras_senet.export.lite_silence import silence

# What the name of the first axis says to people.
BATCH = "batch"
SPATIAL = ("height", "width")


def import_converter() -> Any:
    """Imports tf2onnx.

    Returns:
        The module.

    Raises:
        InputError: If it is not installed; with the extra that brings it.
    """
    try:
        import tf2onnx
    except ModuleNotFoundError as error:
        raise InputError(
            f"ONNX export needs the package {error.name}. Install it by "
            'pip install "keras_senet[onnx]".'
        ) from error
    return tf2onnx


def converted(
    model: keras.Model, description: Description, opset: int, channels_first: bool
) -> Any:
    """Converts a model as it is.

    Args:
        model: A functional model with one input of images, channels last, and one
            output, on the TensorFlow backend.
        description: Has the names of input and output.
        opset: The version of ONNX' operators.
        channels_first: Whether the input is to be channels first.

    Returns:
        An ONNX model whose batch is dynamic.

    Raises:
        InputError: If the model has an operation that ONNX lacks.
    """
    import tensorflow as tf

    tf2onnx = import_converter()
    images = model.inputs[0]
    shape = (None, *images.shape[1:])
    signature = [tf.TensorSpec(shape, images.dtype, name=description.input)]

    def answer(images: Any) -> dict[str, Any]:
        return {description.output: model(images, training=False)}

    with silence():
        try:
            proto, _ = tf2onnx.convert.from_function(
                tf.function(answer),
                input_signature=signature,
                opset=opset,
                custom_op_handlers={"Erfc": (_complement_of_erf, [])},
                inputs_as_nchw=[f"{description.input}:0"] if channels_first else None,
            )
        except (OSError, MemoryError):
            raise
        except Exception as error:  # Each step of the converter has its own.
            raise InputError(_cannot(str(error))) from error
    _refuse_foreign(proto)
    _name_axes(proto, channels_first)
    return proto


def _complement_of_erf(graph: Any, node: Any, name: str, args: Any) -> None:
    """Writes erfc(x), which ONNX lacks, as 1 - erf(x)."""
    import numpy as np

    erf = graph.make_node("Erf", node.input)
    kind = {"shapes": node.output_shapes, "dtypes": node.output_dtypes}
    one = graph.make_const(f"{name}/one", np.array(1, "float32"))
    graph.remove_node(name)
    inputs = [one.output[0], erf.output[0]]
    graph.make_node("Sub", inputs, name=name, outputs=node.output, **kind)


def _refuse_foreign(proto: Any) -> None:
    """The converter leaves in the graph what it cannot convert."""
    import onnx

    known = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain}
    foreign = {
        node.op_type
        for node in proto.graph.node
        if node.domain or node.op_type not in known
    }
    if not foreign:
        return
    reason = f"ONNX has no operation for {', '.join(sorted(foreign))}."
    if any("PartitionedCall" in kind for kind in foreign):
        # Keras' own grouped convolution on TensorFlow is such a call.
        reason += (
            " Take `keras_senet.layers.GroupedConv2D` where the model has grouped "
            "convolutions."
        )
    raise InputError(_cannot(reason))


def _name_axes(proto: Any, channels_first: bool) -> None:
    """Gives the axes of any size names that people understand."""
    (images,) = proto.graph.input
    (answer,) = proto.graph.output
    axes = images.type.tensor_type.shape.dim
    names = (BATCH, "", *SPATIAL) if channels_first else (BATCH, *SPATIAL, "")
    for axis, name in zip(axes, names, strict=True):
        if not axis.dim_value:
            axis.dim_param = name
    answer.type.tensor_type.shape.dim[0].dim_param = BATCH


def _cannot(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = lines[0] if lines else "the converter gives no reason"
    return f"The model cannot be an ONNX file: {reason}"
