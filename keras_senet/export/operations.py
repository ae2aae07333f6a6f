"""How many operations of each kind an exported file has."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# They hold a graph together and compute nothing.
SILENT = ("Const", "Identity", "IdentityN", "NoOp", "Placeholder", "ReadVariableOp")
CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def saved_model_operations(path: Path) -> dict[str, int]:
    """Counts what `serving_default` computes, calls of functions followed.

    Args:
        path: The folder with `saved_model.pb`.

    Returns:
        The number for each kind, the most frequent first.
    """
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    graph = loaded.signatures["serving_default"].graph.as_graph_def()
    functions = {f.signature.name: f.node_def for f in graph.library.function}
    return _counted(
        node.op for node in _flat(graph.node, functions) if node.op not in SILENT
    )


def onnx_operations(path: Path) -> dict[str, int]:
    """Counts the nodes of an ONNX file.

    Args:
        path: The file.

    Returns:
        The number for each kind, the most frequent first.
    """
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    return _counted(node.op_type for node in graph.node)


def _flat(nodes: Any, functions: dict[str, Any]) -> Iterator[Any]:
    for node in nodes:
        if node.op in CALLS:
            yield from _flat(functions[node.attr["f"].func.name], functions)
        else:
            yield node


def _counted(kinds: Any) -> dict[str, int]:
    return dict(Counter(kinds).most_common())
