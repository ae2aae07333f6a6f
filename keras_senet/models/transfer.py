"""Weights from a network of the same topology, with or without SE."""

from typing import Any

import keras

from keras_senet.layers import Classifier, ConstantGate, Provenance, SqueezeExcite
from keras_senet.models.graph import Graph, is_functional, leaves


def transfer_weights(source: keras.Model, model: keras.Model) -> None:
    """Copies the weights of `source` into the part of `model` that is not SE.

    Both networks are followed from their outputs backwards, so that layers meet by
    their place in the topology, whatever their names. `SqueezeExcite` layers of
    either network, and what `remove_squeeze_excite` leaves in their place, are passed
    over: those of `model` stay as they are, also when `source` has its own
    (`model.set_weights` copies between equal networks). Of the checkpoint that its
    weights come from, `model` then says what `source` does.

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
        ValueError: If the topologies or shapes differ, or networks of this package
            are of different dialects; then nothing is copied.

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
    dialects = [_dialect(source), _dialect(model)]
    if None not in dialects and dialects[0] != dialects[1]:
        raise ValueError(
            "`source` and `model` should be of the same dialect, since weights of "
            f"one are wrong in the other. Received: {source.name} in {dialects[0]} "
            f"and {model.name} in {dialects[1]}"
        )
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
        # Copied, since JAX would let both models have the same array, which the
        # training of one of them consumes.
        ours.assign(keras.ops.copy(keras.ops.reshape(theirs, ours.shape)))
    for a, b in zip(given, wanted, strict=True):
        if isinstance(b, Classifier):
            b.class_names = getattr(a, "class_names", None)
    known = [x.checkpoint for x in leaves(source) if isinstance(x, Provenance)]
    for layer in leaves(model):
        if isinstance(layer, Provenance):
            # What images the weights want is still so, but SE is another.
            layer.disclaim(known[0] if len(known) == 1 else None)


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
        is_gate = isinstance(layer, (SqueezeExcite, ConstantGate))
        if is_gate or not getattr(layer, "weights", None):
            continue
        nested = weighted_layers(layer) if is_functional(layer) else [layer]
        found.update((id(each), each) for each in nested)
    return list(found.values())


def _dialect(model: keras.Model) -> str | None:
    facts = [x.facts for x in model.layers if isinstance(x, Provenance)]
    return facts[0].get("variant") if len(facts) == 1 else None


def _matched(source: Any, target: Any) -> list[tuple[Any, Any]]:
    """Pairs of weights of two layers: the same names, and shapes that agree.

    A convolution of size one is a dense layer: Keras' MobileNet has one for a
    classifier.
    """
    described = [
        [(weight.name, _without_leading_ones(weight.shape)) for weight in layer.weights]
        for layer in (source, target)
    ]
    if described[0] != described[1]:
        raise ValueError(
            "`source` and `model` should have weights of equal names and shapes. "
            f"Received: {source.name} with {_shapes(source)}, and in its place "
            f"{target.name} with {_shapes(target)}"
        )
    return list(zip(source.weights, target.weights, strict=True))


def _without_leading_ones(shape: Any) -> tuple[int, ...]:
    kept = list(shape)
    while len(kept) > 2 and kept[:2] == [1, 1]:
        del kept[:2]
    return tuple(kept)


def _shapes(layer: Any) -> str:
    return ", ".join(f"{w.name} {tuple(w.shape)}" for w in layer.weights)
