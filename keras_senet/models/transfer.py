"""Weights from a network of the same topology, with or without SE."""

from typing import Any

import keras

from keras_senet.layers import SqueezeExcite
from keras_senet.models.graph import Graph, is_functional


def transfer_weights(source: keras.Model, model: keras.Model) -> None:
    """Copies all weights of `source` into the part of `model` that is not SE.

    Both networks are followed from their outputs backwards, so that layers meet by
    their place in the topology, whatever their names. The weights of
    `SqueezeExcite` layers in `model` stay as they are.

    `SEInceptionV3`, `SEInceptionResNetV2` and `SEMobileNet` have the topologies of
    `keras.applications`, and any network has that of its own with another
    `reduction` or placement of SE.

    Args:
        source: A functional model, such as a pretrained one of
            `keras.applications`.
        model: The functional model that receives the weights. Build it with
            `include_top=False` (both of them) to keep a classifier of another
            number of classes.

    Raises:
        ValueError: If the topologies or shapes differ; then nothing is copied.

    Example:

    ```python
    import keras
    import keras_senet

    pretrained = keras.applications.MobileNet(weights=None)  # or "imagenet"
    network = keras_senet.SEMobileNet()
    keras_senet.transfer_weights(pretrained, network)
    ```
    """
    given, wanted = weighted_layers(source), weighted_layers(model)
    if len(given) != len(wanted):
        raise ValueError(
            "`source` and `model` should have the same topology. Received: "
            f"{source.name} with {len(given)} and {model.name} with {len(wanted)} "
            "layers with weights beside SE"
        )
    pairs = [
        (theirs, ours)
        for a, b in zip(given, wanted, strict=True)
        for theirs, ours in _matched(a, b)
    ]
    for theirs, ours in pairs:
        ours.assign(keras.ops.reshape(theirs, ours.shape))


def weighted_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers with weights but SE, each once, from the outputs backwards.

    The order depends on the topology and on the order of what merges alone.

    Args:
        model: A functional or sequential model.

    Returns:
        The layers.
    """
    if not is_functional(model):
        raise ValueError(
            "`source` and `model` should be functional Keras models. "
            f"Received: {model!r} of type {type(model).__name__}"
        )
    graph = Graph(model)
    waiting = [graph.maker(tensor) for tensor in graph.outputs]
    seen: set[int] = set()
    found: dict[int, keras.layers.Layer] = {}
    while waiting:
        call = waiting.pop()
        if call.index in seen:
            continue
        seen.add(call.index)
        waiting.extend(map(graph.maker, call.inputs))
        layer = call.operation
        if isinstance(layer, SqueezeExcite) or not getattr(layer, "weights", None):
            continue
        nested = weighted_layers(layer) if is_functional(layer) else [layer]
        found.update((id(each), each) for each in nested)
    return list(found.values())


def _matched(source: Any, target: Any) -> list[tuple[Any, Any]]:
    """Pairs of weights of two layers, equal but for axes of size one.

    Keras' MobileNet has a convolution of size one for a classifier.
    """
    shapes = [[tuple(w.shape) for w in x.weights] for x in (source, target)]
    bare = [[[n for n in shape if n != 1] for shape in each] for each in shapes]
    if bare[0] != bare[1]:
        raise ValueError(
            "`source` and `model` should have weights of equal shapes. Received: "
            f"{source.name} with {shapes[0]}, and in its place {target.name} with "
            f"{shapes[1]}"
        )
    return list(zip(source.weights, target.weights, strict=True))
