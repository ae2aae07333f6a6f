"""An ONNX graph that can be changed: nodes, constants, and who reads what."""

from typing import Any

import numpy as np

# Elements of a constant that may be a shape, axes or scales.
SMALL = 16


class OnnxGraph:
    """The graph of an ONNX model, without subgraphs, in memory.

    Args:
        proto: The model. It is changed by `finish` alone.

    Attributes:
        nodes: The nodes, in any order.
        constants: Arrays by name.
        outputs: Names of the outputs of the graph.

    Example:

    ```python
    import onnx

    from keras_senet.export import to_onnx
    from keras_senet.export.onnx_graph import OnnxGraph

    to_onnx(model, "network.onnx", images)
    graph = OnnxGraph(onnx.load("network.onnx"))
    for node in graph.of_type("Identity"):
        graph.bypass(node)
    onnx.save(graph.finish(), "network.onnx")
    ```
    """

    def __init__(self, proto: Any) -> None:
        from onnx import numpy_helper

        self.proto = proto
        self.nodes = list(proto.graph.node)
        self.constants: dict[str, np.ndarray] = {
            x.name: numpy_helper.to_array(x) for x in proto.graph.initializer
        }
        self.outputs = [x.name for x in proto.graph.output]
        self._count = 0

    def of_type(self, *types: str) -> list[Any]:
        """The nodes of some types."""
        return [node for node in self.nodes if node.op_type in types]

    def maker(self, name: str) -> Any:
        """The node that makes a value, or `None` for constants and inputs."""
        return next((node for node in self.nodes if name in node.output), None)

    def readers(self, name: str) -> list[Any]:
        """The nodes that read a value."""
        return [node for node in self.nodes if name in node.input]

    def only_reader(self, name: str) -> Any:
        """The node that is alone in reading a value, or `None`."""
        readers = self.readers(name)
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def constant(self, node: Any, index: int) -> np.ndarray | None:
        """The constant that an input of a node is, if it is one."""
        return (
            self.constants.get(node.input[index]) if len(node.input) > index else None
        )

    def add_constant(self, array: Any, near: str) -> str:
        """Adds a constant under a name like another one's.

        Returns:
            Its name.
        """
        name = near
        while name in self.constants:
            self._count += 1
            name = f"{near}_{self._count}"
        self.constants[name] = np.asarray(array)
        return name

    def shapes(self) -> dict[str, list[int | str]]:
        """The shapes of the values, as far as they are known.

        Returns:
            For each value a list of sizes, or of names of sizes.
        """
        from onnx import ModelProto, helper, numpy_helper, shape_inference

        self._sort()
        light = ModelProto(opset_import=self.proto.opset_import, ir_version=8)
        light.graph.CopyFrom(helper.make_graph(self.nodes, "light", [], []))
        light.graph.input.extend(self.proto.graph.input)
        light.graph.output.extend(self.proto.graph.output)
        for name, array in self.constants.items():
            # Shapes depend on the values of small constants alone, and large ones
            # would be copied forth and back.
            if array.size <= SMALL:
                light.graph.initializer.append(numpy_helper.from_array(array, name))
            else:
                kind = helper.np_dtype_to_tensor_dtype(array.dtype)
                light.graph.input.append(
                    helper.make_tensor_value_info(name, kind, array.shape)
                )
        graph = shape_inference.infer_shapes(light).graph
        return {
            value.name: [x.dim_value or x.dim_param for x in kind.shape.dim]
            for value in (*graph.input, *graph.value_info, *graph.output)
            if (kind := value.type.tensor_type).HasField("shape")
        }

    def bypass(self, node: Any, index: int = 0) -> None:
        """Removes a node: its readers read one of its inputs instead."""
        (old,), new = node.output, node.input[index]
        self.nodes.remove(node)
        if old in self.outputs:
            maker = self.maker(new)
            if maker is None:
                # An input of the graph cannot be renamed.
                self.nodes.append(node)
                return
            old, new = new, old
            maker.output[list(maker.output).index(old)] = new
        for reader in self.readers(old):
            for index, name in enumerate(reader.input):
                if name == old:
                    reader.input[index] = new

    def finish(self) -> Any:
        """Writes all into the model: only what is needed, in the order it is needed.

        Returns:
            The model.
        """
        from onnx import numpy_helper

        self.drop_unread()
        self._share_constants()
        self._sort()
        graph = self.proto.graph
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(
            numpy_helper.from_array(array, name)
            for name, array in self.constants.items()
        )
        return self.proto

    def drop_unread(self) -> None:
        """Removes nodes and constants that nobody reads."""
        wanted, waiting = set(self.outputs), list(self.outputs)
        makers = {name: node for node in self.nodes for name in node.output}
        while waiting:
            node = makers.get(waiting.pop())
            for name in node.input if node is not None else ():
                if name not in wanted:
                    wanted.add(name)
                    waiting.append(name)
        self.nodes = [x for x in self.nodes if wanted.intersection(x.output)]
        self.constants = {k: v for k, v in self.constants.items() if k in wanted}

    def _share_constants(self) -> None:
        first: dict[tuple, str] = {}
        same = {
            name: first.setdefault((x.dtype.str, x.shape, x.tobytes()), name)
            for name, x in self.constants.items()
        }
        for node in self.nodes:
            for index, name in enumerate(node.input):
                if same.get(name, name) != name:
                    node.input[index] = same[name]
        self.constants = {name: self.constants[name] for name in first.values()}

    def _sort(self) -> None:
        """Depth first from the outputs, so that what belongs together stands so."""
        makers = {name: node for node in self.nodes for name in node.output}
        done: dict[int, Any] = {}
        waiting = [makers[x] for x in reversed(self.outputs) if x in makers]
        while waiting:
            node = waiting[-1]
            missing = [
                makers[x]
                for x in node.input
                if x in makers and id(makers[x]) not in done
            ]
            if missing:
                waiting.extend(reversed(missing))
            else:
                done[id(waiting.pop())] = node
        self.nodes = list(done.values())


def attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node by name."""
    from onnx import helper

    return {x.name: helper.get_attribute_value(x) for x in node.attribute}


def set_attributes(node: Any, **values: Any) -> None:
    """Sets attributes of a node; `None` removes one."""
    from onnx import helper

    kept = [x for x in node.attribute if x.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(
        helper.make_attribute(name, value)
        for name, value in values.items()
        if value is not None
    )
