"""Exact rewrites of an ONNX graph into what a person would have written."""

from typing import Any

from keras_senet.export.onnx_graph import OnnxGraph, attributes, set_attributes
from keras_senet.export.onnx_shuffles import (
    shuffle_channels_first,
    transpose_before_padding,
)
from keras_senet.export.onnx_weights import (
    flatten_first,
    fold_constants,
    write_flatten,
    write_gemm,
)

# No value below zero comes out of these, whatever goes in ...
NEVER_NEGATIVE = ("Relu", "Sigmoid", "Softmax", "Exp", "Abs")
# ... and none out of those, if none goes in.
SIGN_KEEPING = ("Mul", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool")

# These give the same elements in the same order another shape.
SHAPING = ("Reshape", "Squeeze", "Unsqueeze", "Flatten")


def simplify(graph: OnnxGraph) -> None:
    """Applies all rewrites until there is nothing left to do.

    The result is equal to rounding, and bit by bit but for constants that go into
    weights.

    Args:
        graph: The graph, which is changed.
    """
    before = -1
    while before != len(graph.nodes):
        before = len(graph.nodes)
        for rewrite in (
            drop_idle,
            drop_reshapes,
            transpose_before_padding,
            shuffle_channels_first,
            join_transposes,
            pool_globally,
            join_pads,
            fold_constants,
            write_gemm,
            flatten_first,
            write_flatten,
        ):
            rewrite(graph)


def drop_idle(graph: OnnxGraph) -> None:
    """Removes nodes that copy."""
    for node in graph.of_type("Identity", "Dropout"):
        graph.bypass(node)


def drop_reshapes(graph: OnnxGraph) -> None:
    """Removes reshapes to the shape that there is, or was before other reshapes."""
    reshapes = graph.of_type("Reshape")
    shapes = graph.shapes() if reshapes else {}
    for node in reshapes:
        wanted, source = graph.constant(node, 1), node.input[0]
        while wanted is not None and source:
            if _is_shape(wanted, shapes.get(source, [])):
                node.input[0] = source
                graph.bypass(node)
                break
            before = graph.maker(source)
            moves_nothing = before is not None and before.op_type in SHAPING
            source = before.input[0] if moves_nothing else ""


def _is_shape(wanted: Any, shape: list[int | str]) -> bool:
    if not shape or len(wanted) != len(shape):
        return False
    pairs = zip(wanted, shape, strict=True)
    open_sizes = [new for new, old in pairs if new != old]
    # One size that is computed from the others is what it was.
    return not open_sizes or open_sizes == [-1]


def join_transposes(graph: OnnxGraph) -> None:
    """Makes one transposition of two in a row, or none."""
    for node in graph.of_type("Transpose"):
        order = attributes(node).get("perm")
        first = graph.maker(node.input[0])
        if order and first is not None and first.op_type == "Transpose":
            order = [attributes(first)["perm"][axis] for axis in order]
            node.input[0] = first.input[0]
            set_attributes(node, perm=order)
        if order == sorted(order or [None]):
            graph.bypass(node)


def pool_globally(graph: OnnxGraph) -> None:
    """Writes means over height and width as the pooling that runtimes know better."""
    means = graph.of_type("ReduceMean")
    shapes = graph.shapes() if means else {}
    for node in means:
        settings = attributes(node)
        over = sorted(axis % 4 for axis in settings.get("axes", ()))
        maps = len(shapes.get(node.input[0], ())) == 4
        if maps and over == [2, 3] and settings.get("keepdims", 1) == 1:
            node.op_type = "GlobalAveragePool"
            set_attributes(node, axes=None, keepdims=None)


def join_pads(graph: OnnxGraph) -> None:
    """Lets convolutions and poolings pad for themselves, where zeros do no harm."""
    for node in graph.of_type("Pad"):
        pads, value = graph.constant(node, 1), graph.constant(node, 2)
        zeros = value is None or not value.any()
        if attributes(node).get("mode", b"constant") != b"constant" or not zeros:
            continue
        if pads is None or len(pads) != 8 or pads[[0, 1, 4, 5]].any() or min(pads) < 0:
            continue
        sides = [int(pads[axis]) for axis in (2, 3, 6, 7)]
        for reader in graph.readers(node.output[0]):
            if _takes_padding(graph, node, reader, sides):
                reader.input[0] = node.input[0]
                count = 1 if reader.op_type == "AveragePool" else None
                set_attributes(
                    reader, auto_pad=None, pads=sides, count_include_pad=count
                )
    # A pad without readers is gone when the graph is finished.
    graph.drop_unread()


def _takes_padding(graph: OnnxGraph, pad: Any, reader: Any, sides: list[int]) -> bool:
    settings = attributes(reader)
    if settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return False
    if any(settings.get("pads", ())) or pad.output[0] in list(reader.input)[1:]:
        return False
    if reader.op_type == "Conv":
        return True
    if reader.op_type not in ("MaxPool", "AveragePool") or settings.get("ceil_mode"):
        return False
    # No window may lie within the padding.
    inside = max(sides) < min(settings["kernel_shape"])
    return inside and (
        reader.op_type == "AveragePool" or never_negative(graph, pad.input[0])
    )


def never_negative(graph: OnnxGraph, name: str) -> bool:
    """Whether a value has no element below zero.

    Args:
        graph: The graph.
        name: Of the value.

    Returns:
        True if that can be told from the nodes that make it.
    """
    if name in graph.constants:
        return bool((graph.constants[name] >= 0).all())
    node = graph.maker(name)
    if node is None or node.op_type in NEVER_NEGATIVE:
        return node is not None
    return node.op_type in SIGN_KEEPING and all(
        never_negative(graph, x) for x in node.input
    )
