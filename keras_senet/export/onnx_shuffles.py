"""Shuffles of channels in an ONNX graph, in the layout of its feature maps."""

from typing import Any

from keras_senet.export.onnx_graph import OnnxGraph, attributes, set_attributes

TO_LAST, TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def transpose_before_padding(graph: OnnxGraph) -> None:
    """Moves transpositions behind a padding in front of it, where they meet others.

    Args:
        graph: The graph, which is changed.
    """
    for node in graph.of_type("Transpose"):
        order = attributes(node).get("perm", [])
        pad = graph.maker(node.input[0])
        if pad is None or pad.op_type != "Pad" or len(pad.input) > 3:
            continue
        amounts = graph.constant(pad, 1)
        if amounts is None or len(amounts) != 2 * len(order):
            continue
        if graph.only_reader(pad.output[0]) is node:
            turned = amounts.reshape(2, -1)[:, order].ravel()
            pad.input[1] = graph.add_constant(turned, pad.input[1])
            # The two change places; the values between keep their names.
            node.input[0], pad.input[0] = pad.input[0], pad.output[0]
            node.output[0], pad.output[0] = pad.output[0], node.output[0]


def shuffle_channels_first(graph: OnnxGraph) -> None:
    """Shuffles channels where they are, instead of moving them last before.

    Args:
        graph: The graph, which is changed.
    """
    for last in graph.of_type("Transpose"):
        chain = _before(graph, last)
        if chain is None:
            continue
        first, split, swap, merge = chain
        groups, merged = graph.constant(split, 1), graph.constant(merge, 1)
        if groups is None or merged is None or len(groups) != 5 or len(merged) != 4:
            continue
        split.input[0] = first.input[0]
        split.input[1] = graph.add_constant(groups[[0, 3, 4, 1, 2]], split.input[1])
        set_attributes(swap, perm=[0, 2, 1, 3, 4])
        merge.input[1] = graph.add_constant(merged[TO_FIRST], merge.input[1])
        graph.bypass(last)


def _before(graph: OnnxGraph, last: Any) -> tuple[Any, ...] | None:
    """The nodes of a shuffle in NHWC whose result is transposed to NCHW."""
    found = [last]
    for kind, order in (
        ("Reshape", None),
        ("Transpose", [0, 1, 2, 4, 3]),
        ("Reshape", None),
        ("Transpose", TO_LAST),
    ):
        node = graph.maker(found[-1].input[0])
        if (
            node is None
            or node.op_type != kind
            or attributes(node).get("perm") != order
        ):
            return None
        # The transposition in front may have other readers; what is changed may not.
        if order != TO_LAST and graph.only_reader(node.output[0]) is not found[-1]:
            return None
        found.append(node)
    return tuple(reversed(found[1:])) if attributes(last)["perm"] == TO_FIRST else None
