"""From what a person asks for to the places in a model's graph."""

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeAlias

import keras

from keras_senet.errors import near_matches
from keras_senet.models.graph import Graph, is_functional
from keras_senet.models.rules import (
    Site,
    concatenations,
    is_feature_map,
    residual_branches,
    site_at,
)

# How many names an error message shows.
SHOWN = 5
After: TypeAlias = str | keras.layers.Layer | Callable[[Any], bool] | Sequence[Any]


def find_sites(graphs: Sequence[Graph], after: After, axis: int) -> list[list[Site]]:
    """Finds the places that `after` asks for.

    Args:
        graphs: The graph of a model and those of its nested models.
        after: See `insert_squeeze_excite`.
        axis: The axis of the channels, 1 or -1.

    Returns:
        The places in each of the graphs.

    Raises:
        ValueError: If there are none, or there cannot be a block at one of them.
    """
    if after == "residual_branches":
        sites = [residual_branches(graph, axis) for graph in graphs]
    elif after == "concatenations":
        sites = [concatenations(graph, axis) for graph in graphs]
    else:
        also = "'residual_branches', 'concatenations', "
        chosen = choice(after, "after", _layers(graphs), also=also)
        sites = [_after_layers(graph, chosen, axis) for graph in graphs]
    if not any(sites):
        names = [layer.name for layer in _layers(graphs)]
        hint = near_matches(str(after), names, SHOWN)
        raise ValueError(
            "`after` should match a place in the model, which has none such. "
            f"{hint} Received: after={after!r}"
        )
    _check_channels([site for found in sites for site in found], axis)
    return sites


def _layers(graphs: Iterable[Graph]) -> list[Any]:
    calls = [call.operation for graph in graphs for call in graph.calls]
    return [layer for layer in calls if isinstance(layer, keras.layers.Layer)]


def choice(
    given: Any, argument: str, layers: Sequence[Any], *, also: str = ""
) -> Callable[[Any], bool]:
    """Understands which layers a person chooses.

    Args:
        given: A regular expression, a function of a layer, a layer, a name, or a list
            of these two.
        argument: The name of the argument that it was given as.
        layers: The layers to choose from.
        also: What else the argument could be, for the message.

    Returns:
        A function that says of each layer whether it is chosen.

    Raises:
        ValueError: If it is something else, or names a layer that there is not.
    """
    if isinstance(given, str):
        try:
            pattern = re.compile(given)
        except re.error as error:
            raise ValueError(
                f"`{argument}` should be a regular expression: {error}. "
                f"Received: {argument}={given!r}"
            ) from error
        return lambda x: not is_functional(x) and pattern.search(x.name) is not None
    if callable(given) and not isinstance(given, (keras.layers.Layer, type)):
        return lambda layer: not is_functional(layer) and bool(given(layer))
    listed = list(given) if isinstance(given, (list, tuple, set)) else [given]
    names = {layer.name for layer in layers}
    for entry in listed:
        if isinstance(entry, str) and entry in names:
            continue
        if isinstance(entry, keras.layers.Layer) and any(entry is x for x in layers):
            continue
        name = getattr(entry, "name", str(entry))
        raise ValueError(
            f"`{argument}` should be {also}a regular expression, a function of a "
            "layer, or a list of layers of the model. "
            f"{near_matches(name, names, SHOWN)} Received: {entry!r}"
        )
    return lambda layer: any(x is layer or x == layer.name for x in listed)


def _after_layers(graph: Graph, chosen: Callable[[Any], bool], axis: int) -> list[Site]:
    sites = []
    for call in graph.calls:
        layer = call.operation
        if not isinstance(layer, keras.layers.Layer) or not chosen(layer):
            continue
        if len(call.outputs) != 1 or not is_feature_map(call.outputs[0], axis):
            shapes = [tuple(tensor.shape) for tensor in call.outputs]
            raise ValueError(
                f"Layer {layer.name!r}, which `after` matches, should make one "
                "floating feature map of rank 3, 4 or 5 with known channels. "
                f"Received: outputs of shape {shapes}"
            )
        sites.append(site_at(graph, call, None, id(layer)))
    return sites


def _check_channels(sites: Iterable[Site], axis: int) -> None:
    first: dict[Hashable, Site] = {}
    for site in sites:
        other = first.setdefault(site.shared, site)
        if other.tensor.shape[axis] != site.tensor.shape[axis]:
            raise ValueError(
                f"{site.maker.operation.name!r}, which is called more than once, "
                "should make equally many channels each time, for one block. "
                f"Received: {other.tensor.shape[axis]} and {site.tensor.shape[axis]}"
            )
