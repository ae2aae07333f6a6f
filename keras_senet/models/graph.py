"""The graph of a functional Keras model: who makes a tensor, and out of what."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer or operation.

    Attributes:
        index: Its place in the order of the computation.
        operation: The layer or operation, or `None` for an input of the model.
        inputs: The tensors it takes, in the order of its arguments.
        outputs: The tensors it makes.
        arguments: All that it takes: a tuple and a dictionary.
    """

    index: int
    operation: Any
    inputs: tuple
    outputs: tuple
    arguments: tuple[tuple, dict[str, Any]]


class Graph:
    """The calls of a functional model, in the order of the computation.

    Args:
        model: A functional or sequential model, which is built.

    Example:

    ```python
    from keras_senet.models.graph import Graph

    graph = Graph(model)
    last = graph.calls[-1]
    len(graph.ancestors(last))
    ```
    """

    def __init__(self, model: keras.Model) -> None:
        self.calls: list[Call] = []
        self._makers: dict[int, Call] = {}

        def record(operation: Any, *args: Any, **kwargs: Any) -> Any:
            outputs = operation(*args, **kwargs)
            self._add(operation, (args, kwargs), tensors(outputs))
            return outputs

        inputs = new_inputs(model)
        for tensor in tensors(inputs):
            self._add(None, ((), {}), (tensor,))
        copy = keras.models.clone_model(
            shell(model),
            input_tensors=inputs,
            clone_function=lambda operation: operation,
            call_function=record,
        )
        self.outputs = tensors(copy.output)

    def maker(self, tensor: Any) -> Call:
        """Finds the call that makes a tensor.

        Args:
            tensor: One of the `inputs` or `outputs` of the calls.

        Returns:
            The call.
        """
        return self._makers[id(tensor)]

    def ancestors(self, call: Call) -> set[int]:
        """Finds all that a call depends on.

        Args:
            call: A call of this graph.

        Returns:
            The indices of these calls and of the call itself.
        """
        found, waiting = set(), [call]
        while waiting:
            current = waiting.pop()
            if current.index not in found:
                found.add(current.index)
                waiting.extend(map(self.maker, current.inputs))
        return found

    def between(self, first: Call, last: Call) -> list[Call]:
        """Finds the calls on the ways from one call to another.

        Args:
            first: A call.
            last: A call that depends on it, or the same one.

        Returns:
            The calls in order, without `first` and with `last`; none if they are
            the same.
        """
        reached = {first.index}
        found = []
        for index in sorted(self.ancestors(last)):
            call = self.calls[index]
            if any(self.maker(tensor).index in reached for tensor in call.inputs):
                reached.add(index)
                found.append(call)
        return found

    def nearest_common_ancestor(self, tensors: Iterable[Any]) -> Call | None:
        """Finds the last call that all tensors are, or depend on.

        Args:
            tensors: Tensors of this graph.

        Returns:
            The call, or `None` if there is none.
        """
        families = [self.ancestors(self.maker(tensor)) for tensor in tensors]
        common = set.intersection(*families)
        return self.calls[max(common)] if common else None

    def _add(
        self,
        operation: Any,
        arguments: tuple[tuple, dict[str, Any]],
        outputs: tuple,
    ) -> None:
        index, inputs = len(self.calls), tensors(arguments)
        call = Call(index, operation, inputs, outputs, arguments)
        self.calls.append(call)
        self._makers.update((id(tensor), call) for tensor in outputs)


def is_functional(layer: Any) -> bool:
    """Says whether a layer is a model whose graph is known, and all that it does.

    Args:
        layer: Any layer or operation.

    Returns:
        True for functional and sequential models that are built, unless their
        class computes something else than the graph.
    """
    if isinstance(layer, keras.Sequential):
        return layer.built and type(layer).call is keras.Sequential.call
    if not isinstance(layer, keras.Model) or not isinstance(layer, keras.Function):
        return False
    return type(layer).call is _plain_functional_call()


def shell(model: keras.Model, name: str | None = None) -> keras.Model:
    """Wraps the graph of a model into a plain functional model.

    Args:
        model: A functional or sequential model.
        name: Name of the shell. `None` takes the model's.

    Returns:
        A model of the same layers, which is not compiled.
    """
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=name or model.name)
    return keras.Model(model.input, model.output, name=name or model.name)


def new_inputs(
    model: keras.Model, shape_of: Callable[[Any], tuple] | None = None
) -> Any:
    """Makes inputs like those of a model, in their structure.

    Args:
        model: A functional or sequential model.
        shape_of: From an input of the model to the shape of the new one, with the
            batch. `None` is its own.

    Returns:
        Symbolic tensors that no model has yet.
    """
    wrapped = shell(model)
    layers = {
        id(layer.output): layer
        for layer in wrapped.layers
        if isinstance(layer, keras.layers.InputLayer)
    }

    def like(tensor: Any) -> Any:
        layer = layers[id(tensor)]
        return keras.Input(
            batch_shape=tensor.shape if shape_of is None else shape_of(tensor),
            dtype=tensor.dtype,
            sparse=tensor.sparse,
            # Of an input without a name, tensor and layer have different ones.
            name=layer.name,
            optional=layer.optional,
        )

    return keras.tree.map_structure(like, wrapped.input)


def leaves(model: keras.Model) -> Iterator[Any]:
    """Goes through all layers and operations, those of nested models included.

    Args:
        model: A functional or sequential model.

    Yields:
        Layers and operations that are not functional models themselves.
    """
    for operation in shell(model).operations:
        if is_functional(operation):
            yield from leaves(operation)
        else:
            yield operation


def tensors(structure: Any) -> tuple:
    """Gathers the symbolic tensors of a structure.

    Args:
        structure: Arguments or outputs of a layer.

    Returns:
        The tensors, in order.
    """
    flat = keras.tree.flatten(structure)
    return tuple(x for x in flat if isinstance(x, keras.KerasTensor))


@functools.cache
def _plain_functional_call() -> Any:
    """What functional models do when called; their class has no public name."""
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs)).call
