"""Constant gates moved into the weights of their neighbors."""

import itertools
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers

from keras_senet.models.channelwise import Scale, scale_behind, scales_before
from keras_senet.models.copying import copy_state, from_config
from keras_senet.models.graph import Call, Graph
from keras_senet.models.kernels import (
    channel_axis,
    float64,
    has_kernels,
    kernels,
    misplaces_bias,
    scaled_kernels,
)


@dataclass(frozen=True, eq=False)
class Share:
    """What one layer takes over of a constant gate.

    Attributes:
        layer: The layer.
        before: Whether it is as if its input were scaled, instead of its output.
        values: One factor for each channel of that.
    """

    layer: Any
    before: bool
    values: np.ndarray


class Folding:
    """What is to be folded into the layers of a model, which stays as it is.

    Args:
        graphs: The graph of the model and those of its nested models.
        gone: The `id` of each layer that will only scale channels, if anything.
    """

    def __init__(self, graphs: Sequence[Graph], gone: Container[int]) -> None:
        self._gone = gone
        calls = [call for graph in graphs for call in graph.calls]
        self._counts = Counter(id(call.operation) for call in calls)
        self._users: dict[int, list[Call | None]] = {}
        for call in calls:
            for tensor in call.inputs:
                self._users.setdefault(id(tensor), []).append(call)
        for graph in graphs:
            for tensor in graph.outputs:
                self._users.setdefault(id(tensor), []).append(None)
        # By the `id` of a layer: factors before it (True) and behind it (False).
        self._factors: dict[int, dict[bool, np.ndarray]] = {}

    def fold(self, graph: Graph, call: Call, values: np.ndarray) -> list[Share]:
        """Folds the constant gates that take the place of a call, if that can be.

        Args:
            graph: The graph of the call.
            call: A call of a layer that is gone.
            values: One gate for each channel, in float64.

        Returns:
            What goes into which layers: those before the call, or the one behind it.
            Nothing if the gates have to stay.
        """
        (source,), (made,) = call.inputs, call.outputs
        scale = Scale(values, channel_axis(call.operation, len(source.shape)))
        shares = self._backward(graph, source, scale) or self._forward(made, scale)
        for share in shares:
            factors = self._factors.setdefault(id(share.layer), {})
            factors[share.before] = factors.get(share.before, 1.0) * share.values
        return shares

    def new_layer(self, operation: Any) -> Any:
        """Makes a layer or operation like an old one, without its state.

        Args:
            operation: The old one.

        Returns:
            The new one, which can hold what is folded into it.
        """
        is_normalization = type(operation) is layers.BatchNormalization
        if is_normalization and id(operation) in self._factors:
            return from_config(operation, scale=True)
        return from_config(operation)

    def copy_layer(self, old: Any, new: Any) -> None:
        """Gives a copied layer the state of the old one, with what is folded into it.

        Args:
            old: A layer.
            new: Its copy, which is built.
        """
        factors = self._factors.get(id(old))
        if factors is None:
            copy_state(old, new)
        elif type(old) is layers.BatchNormalization:
            _copy_normalization(old, new, factors[False])
        else:
            _copy_linear(old, new, factors)

    def _backward(self, graph: Graph, tensor: Any, scale: Scale) -> list[Share]:
        """What layers before a tensor have to do, so that it is scaled."""
        call = graph.maker(tensor)
        if len(self._users[id(tensor)]) != 1 or len(call.outputs) != 1:
            return []
        if self._can_scale_output(call, scale):
            return [Share(call.operation, False, scale.values)]
        is_gone = id(call.operation) in self._gone
        scales = [scale] if is_gone else scales_before(call, scale)
        if not scales:
            return []
        each = [
            self._backward(graph, source, part)
            for source, part in zip(call.inputs, scales, strict=True)
        ]
        return list(itertools.chain(*each)) if all(each) else []

    def _forward(self, tensor: Any, scale: Scale) -> list[Share]:
        """What the one layer behind a tensor has to do, as if that were scaled."""
        users = self._users[id(tensor)]
        if len(users) != 1 or users[0] is None or len(users[0].outputs) != 1:
            return []
        call = users[0]
        if self._has_kernels(call, scale):
            return [Share(call.operation, True, scale.values)]
        is_gone = id(call.operation) in self._gone
        behind = scale if is_gone else scale_behind(call, tensor, scale)
        return self._forward(call.outputs[0], behind) if behind else []

    def _can_scale_output(self, call: Call, scale: Scale) -> bool:
        layer, shape = call.operation, tuple(call.outputs[0].shape)
        if type(layer) is layers.BatchNormalization:
            is_along = layer.axis % len(shape) == scale.axis
            return is_along and self._counts[id(layer)] == 1
        if not self._has_kernels(call, scale):
            return False
        is_misplaced = layer.use_bias and misplaces_bias(layer, shape)
        activation = getattr(layer, "activation", None)
        return scale.goes_past(activation) and not is_misplaced

    def _has_kernels(self, call: Call, scale: Scale) -> bool:
        """Whether a call is the only one of a layer with kernels that can be scaled."""
        layer = call.operation
        if not has_kernels(layer) or getattr(layer, "lora_enabled", False):
            return False
        is_along = channel_axis(layer, len(call.inputs[0].shape)) == scale.axis
        return is_along and self._counts[id(layer)] == 1


def _copy_normalization(old: Any, new: Any, factors: np.ndarray) -> None:
    copy_state(old, new, added=() if old.scale else (new.gamma,))
    new.gamma.assign(float64(old.gamma) * factors if old.scale else factors)
    if old.center:
        new.beta.assign(float64(old.beta) * factors)


def _copy_linear(old: Any, new: Any, factors: dict[bool, np.ndarray]) -> None:
    copy_state(old, new)
    before = factors.get(True, np.ones(kernels(old)[0].channels))
    behind = factors.get(False, np.ones(kernels(old)[-1].filters))
    scaled = scaled_kernels(old, before, behind)
    for kernel, values in zip(kernels(new), scaled, strict=True):
        kernel.variable.assign(values)
    if old.use_bias:
        new.bias.assign(float64(old.bias) * behind)
