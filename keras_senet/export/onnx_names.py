"""Names in an ONNX graph that people recognize."""

import re
from typing import Any

from keras_senet.export.onnx_graph import OnnxGraph


def shorten_names(graph: OnnxGraph) -> None:
    """Names values after the layers that make them, and nodes after their values.

    TensorFlow's names have the model in front and are counted up once more; the
    converter's own say nothing about layers.

    Args:
        graph: The graph, which is changed.
    """
    graph.drop_unread()
    fixed = {x.name for x in (*graph.proto.graph.input, *graph.proto.graph.output)}
    taken = {"", *fixed}
    new = {name: name for name in taken}

    def rename(name: str, wanted: str) -> None:
        if name not in new:
            unique, count = wanted, 1
            while unique in taken:
                count += 1
                unique = f"{wanted}_{count}"
            taken.add(unique)
            new[name] = unique

    for node in graph.nodes:
        layer = _layer(node)
        for name in node.output:
            rename(name, f"{layer}/{node.op_type}" if layer else node.op_type)
        for kind, name in zip(_kinds(node), node.input, strict=False):
            if name in graph.constants:
                rename(name, f"{layer}/{kind}" if layer else kind)
    for node in graph.nodes:
        for names in (node.input, node.output):
            names[:] = [new[name] for name in names]
        node.name = node.output[0]
    graph.constants = {new[name]: x for name, x in graph.constants.items()}


def _layer(node: Any) -> str:
    """The Keras layer that a node comes from, if its values tell."""
    # Of a convolution that took up others the output says nothing, the weights do.
    for name in (*node.output, *reversed(node.input[1:])):
        scopes = name.partition(":")[0].split("/")[1:-1]
        if scopes:
            return re.sub(r"_\d+$", "", scopes[0])
    return ""


def _kinds(node: Any) -> tuple[str, ...]:
    if node.op_type in ("Conv", "Gemm", "ConvTranspose"):
        return ("", "weights", "bias")
    return ("", *(f"constant{index}" for index in range(1, len(node.input))))
