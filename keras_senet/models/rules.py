"""Where the paper puts blocks in networks (conference, section 3.3)."""

import dataclasses
import functools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import keras
from keras import ops

from keras_senet.models.graph import Call, Graph, is_functional


@dataclasses.dataclass(frozen=True, eq=False)
class Site:
    """A place for a block.

    Attributes:
        call: The call whose input or output the block recalibrates.
        position: Which of the call's inputs. `None` is its output.
        tensor: The feature map.
        maker: The call that makes the feature map.
        shared: Places with the same value get the same block.
    """

    call: Call
    position: int | None
    tensor: Any
    maker: Call
    shared: Hashable


def residual_branches(graph: Graph, axis: int) -> list[Site]:
    """Finds the ends of residual branches, right before the sums.

    The branch is the summand with the most layers with weights back to the nearest
    common ancestor of all summands.

    Args:
        graph: The graph of a model.
        axis: The axis of the channels, 1 or -1.

    Returns:
        The places.

    Raises:
        ValueError: If two summands have equally many layers with weights.
    """
    sites = []
    for call in graph.calls:
        maps = [x for x in call.inputs if is_feature_map(x, axis)]
        same = len({tuple(x.shape) for x in maps}) == 1
        if not is_sum(call.operation) or len(maps) < 2 or not same:
            continue
        if len(maps) < len(call.inputs):
            continue
        origin = graph.nearest_common_ancestor(maps)
        if origin is None:
            continue
        branches = [_weighted(graph.between(origin, graph.maker(x))) for x in maps]
        lengths = [sum(map(_count, branch)) for branch in branches]
        if lengths.count(max(lengths)) > 1:
            raise ValueError(
                f"The sum {call.operation.name!r} should have one branch with more "
                "layers with weights than the others, to be its residual branch. "
                f"Received: branches with {lengths} such layers. Choose layers by "
                "name, or by a function, instead of after='residual_branches'"
            )
        position = lengths.index(max(lengths))
        branch = frozenset(map(id, branches[position]))
        sites.append(site_at(graph, call, position, branch))
    return sites


def concatenations(graph: Graph, axis: int) -> list[Site]:
    """Finds the ends of Inception-like modules: outermost channel concatenations.

    A concatenation is an inner one if it lies between another one and the nearest
    common ancestor of that one's inputs.

    Args:
        graph: The graph of a model.
        axis: The axis of the channels, 1 or -1.

    Returns:
        The places.
    """
    modules = {}
    for call in graph.calls:
        if _joins_channels(call, axis):
            origin = graph.nearest_common_ancestor(call.inputs)
            inner = graph.between(origin, call)[:-1] if origin is not None else []
            modules[call] = inner
    nested = {call for inner in modules.values() for call in inner}
    sites = []
    for call, inner in modules.items():
        if call not in nested:
            # Without weights there is nothing to be shared but the concatenation.
            shared = frozenset(map(id, _weighted(inner))) or id(call)
            sites.append(site_at(graph, call, None, shared))
    return sites


def site_at(graph: Graph, call: Call, position: int | None, shared: Hashable) -> Site:
    """Describes a place.

    Args:
        graph: The graph that the call is part of.
        call: A call.
        position: Which of its inputs. `None` is its output.
        shared: Places with the same value get the same block.

    Returns:
        The place.
    """
    if position is None:
        return Site(call, None, call.outputs[0], call, shared)
    tensor = call.inputs[position]
    return Site(call, position, tensor, graph.maker(tensor), shared)


def is_feature_map(tensor: Any, axis: int) -> bool:
    """Says whether a block can recalibrate a tensor.

    Args:
        tensor: A symbolic tensor.
        axis: The axis of the channels, 1 or -1.

    Returns:
        Whether it is a floating map of rank 3, 4 or 5 with known channels.
    """
    return (
        len(tensor.shape) in (3, 4, 5)
        and tensor.shape[axis] is not None
        and keras.backend.is_float_dtype(tensor.dtype)
    )


def is_sum(operation: Any) -> bool:
    """Says whether an operation sums tensors: `keras.layers.Add`, or `a + b`.

    Args:
        operation: A layer or operation.

    Returns:
        Whether it does.
    """
    return isinstance(operation, (keras.layers.Add, _class_of(ops.add)))


def is_plain_sum(operation: Any, summands: Sequence[Any]) -> bool:
    """Says whether an operation is Keras' own sum of tensors of equal shape.

    Args:
        operation: A layer or operation.
        summands: The tensors that it takes.

    Returns:
        Whether it is. A subclass can do anything.
    """
    known = is_sum(operation) and type(operation).__module__.startswith("keras.")
    same = len({tuple(x.shape) for x in summands}) == 1
    return known and len(summands) > 1 and same


def _joins_channels(call: Call, axis: int) -> bool:
    kinds: Any = (keras.layers.Concatenate, _class_of(_concatenate))
    if not isinstance(call.operation, kinds):
        return False
    (joined,) = call.outputs
    rank = len(joined.shape)
    same_axis = call.operation.axis % rank == axis % rank
    return is_feature_map(joined, axis) and same_axis


@functools.cache
def _class_of(function: Callable[[Any, Any], Any]) -> type:
    """The class of an operation of `keras.ops`, which has no public name."""
    pair = [keras.KerasTensor((1, 1)), keras.KerasTensor((1, 1))]
    return type(keras.Function(pair, function(*pair)).operations[-1])


def _concatenate(a: Any, b: Any) -> Any:
    return ops.concatenate([a, b])


def _weighted(calls: Iterable[Call]) -> list[Any]:
    """The layers with weights among those that are called, each once."""
    found = {id(call.operation): call.operation for call in calls}
    return [layer for layer in found.values() if getattr(layer, "weights", None)]


def _count(layer: Any) -> int:
    """How many layers with weights a layer is: more than one for nested models."""
    if is_functional(layer):
        return sum(map(_count, layer.layers))
    return 1 if layer.weights else 0
