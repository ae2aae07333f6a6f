"""The operations that the oldest TF Serving that we name has."""

import functools
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from keras_senet.errors import InputError

# Those with a CPU kernel in the registry of TensorFlow 2.12, which TF Serving 2.12 is
# built from, without Python's, the compiler's, and those that connect machines.
OLDEST = "2.12"
# Arrived later, with the format that they read.
WEBP = "DecodeWebP"


@functools.cache
def serving_operations() -> frozenset[str]:
    """The names of the operations that stock TF Serving has since version `OLDEST`."""
    file = resources.files(__package__) / "serving_operations.txt"
    return frozenset(file.read_text(encoding="ascii").split())


def check_servable(saved_model: Path, *, webp: bool = False) -> None:
    """Refuses a SavedModel that stock TF Serving could not run.

    Args:
        saved_model: The folder with `saved_model.pb`.
        webp: Whether the server is known to decode WebP.

    Raises:
        InputError: If it has operations that an old server lacks, among them those
            that call Python, or functions that must be compiled, which TF Serving
            refuses to do; with their names.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    content = (saved_model / "saved_model.pb").read_bytes()
    proto = saved_model_pb2.SavedModel.FromString(content)
    graphs = [meta.graph_def for meta in proto.meta_graphs]
    allowed = serving_operations() | ({WEBP} if webp else set())
    unknown = set().union(*map(operations, graphs)) - allowed
    if unknown:
        raise InputError(
            f"TF Serving {OLDEST} has no operation {', '.join(sorted(unknown))}, which "
            "the model needs."
        )
    compiled = sorted({name for graph in graphs for name in must_compile(graph)})
    if compiled:
        raise InputError(
            "TF Serving compiles nothing, but parts of the model must be compiled: "
            f"{', '.join(compiled)}. Build it with `jit_compile=False`, and with "
            "`keras_senet.layers.GroupedConv2D` where it has grouped convolutions."
        )


def operations(graph: Any) -> set[str]:
    """The operations of a graph and of all its functions, without calls of these."""
    own = {function.signature.name for function in graph.library.function}
    return {node.op for _, node in _nodes(graph)} - own


def must_compile(graph: Any) -> set[str]:
    """The functions, and the nodes, that ask to be compiled."""
    functions = {
        function.signature.name
        for function in graph.library.function
        if function.attr["_XlaMustCompile"].b
    }
    return functions | {
        node.name for _, node in _nodes(graph) if node.attr["_XlaMustCompile"].b
    }


def _nodes(graph: Any) -> Iterator[tuple[str, Any]]:
    """The nodes of a graph with the name of the function they belong to."""
    yield from (("", node) for node in graph.node)
    for function in graph.library.function:
        yield from ((function.signature.name, node) for node in function.node_def)
