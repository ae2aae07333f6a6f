"""Exact rewrites of an ONNX graph that change its weights."""

import math
from typing import Any

import numpy as np

from keras_senet.export.onnx_graph import OnnxGraph, attributes


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


def flatten_first(graph: OnnxGraph) -> None:
    """Flattens feature maps as they are; the weights behind change their order.

    Keras flattens with the channels last, for which maps would be transposed.

    Args:
        graph: The graph, which is changed.
    """
    reshapes = graph.of_type("Reshape")
    shapes = graph.shapes() if reshapes else {}
    for node in reshapes:
        maps, dense = graph.maker(node.input[0]), graph.only_reader(node.output[0])
        if maps is None or dense is None or dense.op_type not in ("MatMul", "Gemm"):
            continue
        if maps.op_type != "Transpose" or attributes(maps)["perm"] != [0, 2, 3, 1]:
            continue
        weights, sizes = graph.constant(dense, 1), _sizes(shapes, maps.input[0])
        if weights is None or not sizes:
            continue
        channels, *sides = sizes
        if len(weights) == channels * math.prod(sides) and _merges_all(graph, node):
            turned = np.moveaxis(weights.reshape(*sides, channels, -1), 2, 0)
            turned = turned.reshape(weights.shape)
            dense.input[1] = graph.add_constant(turned, dense.input[1])
            node.input[0] = maps.input[0]


def _sizes(shapes: dict[str, list[int | str]], name: str) -> list[int]:
    """The sizes of all axes but the batch, if all are known."""
    shape = shapes.get(name, [])[1:]
    sizes = [size for size in shape if isinstance(size, int)]
    return sizes if len(sizes) == len(shape) else []


def _merges_all(graph: OnnxGraph, reshape: Any) -> bool:
    """Whether a reshape leaves the batch alone and makes one axis of all others."""
    shape = graph.constant(reshape, 1)
    return shape is not None and len(shape) == 2 and shape[0] in (-1, 0)


def write_flatten(graph: OnnxGraph) -> None:
    """Writes reshapes to one axis behind the batch by name.

    Args:
        graph: The graph, which is changed.
    """
    reshapes = graph.of_type("Reshape")
    shapes = graph.shapes() if reshapes else {}
    for node in reshapes:
        sizes, wanted = _sizes(shapes, node.input[0]), graph.constant(node, 1)
        if wanted is None or not sizes:
            continue
        if _merges_all(graph, node) and wanted[1] in (-1, math.prod(sizes)):
            node.op_type = "Flatten"
            del node.input[1:]


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
