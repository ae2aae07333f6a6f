"""An ONNX graph that stores and computes in float16."""

from typing import Any

import numpy as np

from keras_senet.errors import InputError
from keras_senet.export.onnx_graph import OnnxGraph, attributes, set_attributes

# Probabilities would lose most of their digits.
LAST_IN_FLOAT32 = ("Softmax", "Sigmoid")


def to_float16(graph: OnnxGraph) -> None:
    """Lets a graph compute in float16, from a float32 input to a float32 output.

    Converters of others change weights that are small (to the smallest that float16
    has), and leave the last softmax in float16; this one does neither.

    Args:
        graph: The graph, which is changed.

    Raises:
        InputError: If a weight is beyond float16.
    """
    from onnx import TensorProto

    # Factors of sizes are no part of the computation, and float32 by definition.
    sizes = {name for node in graph.of_type("Resize") for name in node.input[1:]}
    for name, array in graph.constants.items():
        if array.dtype == np.float32 and name not in sizes:
            graph.constants[name] = _half(name, array)
    for node in graph.of_type("Cast"):
        if attributes(node)["to"] == TensorProto.FLOAT:
            set_attributes(node, to=TensorProto.FLOAT16)
    (images,) = graph.proto.graph.input
    if images.type.tensor_type.elem_type == TensorProto.FLOAT:
        readers = graph.readers(images.name)
        half = _cast(graph, images.name, f"{images.name}/half", TensorProto.FLOAT16)
        for reader in readers:
            _read(reader, images.name, half)
    (answer,) = graph.outputs
    last = graph.maker(answer)
    if last.op_type in LAST_IN_FLOAT32:
        old = last.input[0]
        _read(last, old, _cast(graph, old, f"{old}/single", TensorProto.FLOAT))
    else:
        last.output[list(last.output).index(answer)] = f"{answer}/half"
        _cast(graph, f"{answer}/half", answer, TensorProto.FLOAT)


def _half(name: str, array: np.ndarray) -> np.ndarray:
    largest = float(np.abs(array).max(initial=0))
    if largest > float(np.finfo("float16").max):
        raise InputError(
            f"The model cannot be in float16: {name} has a value of {largest:.3g}, "
            "beyond the largest one of 65504."
        )
    return array.astype("float16")


def _cast(graph: OnnxGraph, old: str, new: str, kind: int) -> str:
    from onnx import helper

    graph.nodes.append(helper.make_node("Cast", [old], [new], f"{new}/Cast", to=kind))
    return new


def _read(node: Any, old: str, new: str) -> None:
    node.input[:] = [new if name == old else name for name in node.input]
