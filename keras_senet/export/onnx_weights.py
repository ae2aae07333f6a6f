"""Exact rewrites of an ONNX graph that change its weights."""

from typing import Any

import numpy as np

from keras_senet.export.onnx_graph import OnnxGraph


def fold_constants(graph: OnnxGraph) -> None:
    """Lets convolutions scale and shift their channels themselves.

    Args:
        graph: The graph, which is changed.
    """
    for node in graph.of_type("Mul", "Add"):
        for data, other in ((0, 1), (1, 0)):
            by = graph.constant(node, other)
            conv = graph.maker(node.input[data])
            if by is None or conv is None or conv.op_type != "Conv":
                continue
            read_once = graph.only_reader(conv.output[0]) is node
            if read_once and _absorb(graph, conv, by, node.op_type):
                graph.bypass(node, data)
                break


def write_gemm(graph: OnnxGraph) -> None:
    """Writes a matrix product and the sum with its bias as one.

    Args:
        graph: The graph, which is changed.
    """
    products = graph.of_type("MatMul")
    shapes = graph.shapes() if products else {}
    for product in products:
        weights = graph.constant(product, 1)
        total = graph.only_reader(product.output[0])
        if weights is None or weights.ndim != 2 or total is None:
            continue
        if len(shapes.get(product.input[0], ())) != 2:
            continue
        here = list(total.input).index(product.output[0])
        bias = graph.constant(total, 1 - here) if total.op_type == "Add" else None
        if bias is not None and bias.shape == weights.shape[1:]:
            product.op_type = "Gemm"
            product.input.append(total.input[1 - here])
            graph.bypass(total, here)


def _absorb(graph: OnnxGraph, conv: Any, by: np.ndarray, operation: str) -> bool:
    """Multiplies or adds a constant to what a convolution makes, if that can be."""
    weights, bias = graph.constant(conv, 1), graph.constant(conv, 2)
    if weights is None or (bias is None and len(conv.input) > 2):
        return False
    channels, ones = len(weights), (1,) * (weights.ndim - 2)
    shape = by.shape[by.ndim - 1 - len(ones) :]
    one_each = shape == (channels, *ones) and by.size == channels
    if by.ndim > weights.ndim or not (by.size == 1 or one_each):
        return False
    by = np.broadcast_to(by.ravel(), channels).astype("float64")
    bias = np.zeros(channels) if bias is None else bias
    if operation == "Mul":
        weights, bias = weights * by.reshape(-1, 1, *ones), bias * by
    else:
        bias = bias + by
    for index, array in ((1, weights), (2, bias)):
        name = graph.add_constant(array.astype("float32"), conv.input[1])
        if index < len(conv.input):
            conv.input[index] = name
        else:
            conv.input.append(name)
    return True
