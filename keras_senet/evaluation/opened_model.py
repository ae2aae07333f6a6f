"""What is inside of a model, as tensors: feature maps, and scores before softmax."""

from dataclasses import dataclass, field
from typing import Any

import keras
from keras import ops

from keras_senet.layers.gates import FUNCTIONAL

SQUASHING = ("softmax", "sigmoid")


@dataclass
class OpenedModel:
    """A model walked through, with what is inside of it.

    Attributes:
        inputs: What the model takes.
        outputs: What it returns.
        scores: What each of the outputs was before its softmax or sigmoid.
        maps: All tensors of rank 4, by the name of the layer that made them, in the
            order of calls.
        formats: The data format of each.
    """

    inputs: Any = None
    outputs: Any = None
    scores: list[Any] = field(default_factory=list)
    maps: dict[str, Any] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)


def open_model(model: keras.Model) -> OpenedModel:
    """Walks through the calls of a model and gathers feature maps and scores.

    Args:
        model: A functional Keras model, maybe with nested models. It stays as it is.

    Returns:
        Tensors of a new model that shares the layers and weights of `model`.
    """
    opened = OpenedModel()
    scores: dict[int, Any] = {}
    # Of layers without a format, such as an addition, the map has that of the last
    # layer with one.
    current = keras.config.image_data_format()

    def record(name: str, tensor: Any, data_format: str) -> None:
        # The last place is that of the last call.
        opened.maps.pop(name, None)
        opened.maps[name], opened.formats[name] = tensor, data_format

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal current
        if isinstance(layer, FUNCTIONAL):
            inner = open_model(layer)
            everything = [inner.outputs, inner.scores, inner.maps]
            result, before, maps = keras.Model(inner.inputs, everything)(*args)
            for name, tensor in maps.items():
                current = inner.formats[name]
                record(f"{layer.name}/{name}", tensor, current)
            for output, score in zip(keras.tree.flatten(result), before, strict=True):
                scores[id(output)] = score
            return result
        result = layer(*args, **kwargs)
        current = getattr(layer, "data_format", None) or current
        if len(getattr(result, "shape", ())) == 4:
            record(layer.name, result, current)
        scores[id(result)] = _score(layer, args, result, scores)
        return result

    if isinstance(model, keras.Sequential):
        shell = keras.Model(model.inputs[0], model.outputs[0])
    else:
        shell = keras.Model(model.input, model.output)
    walked = keras.models.clone_model(
        shell, clone_function=lambda layer: layer, call_function=call
    )
    opened.inputs, opened.outputs = walked.input, walked.output
    opened.scores = [scores.get(id(output), output) for output in walked.outputs]
    return opened


def _score(layer: Any, args: tuple, result: Any, scores: dict[int, Any]) -> Any:
    """What an output was before its softmax or sigmoid, if it has one."""
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    if isinstance(layer, keras.layers.Softmax):
        activation = "softmax"
    if activation == "linear" and isinstance(layer, keras.layers.Activation):
        return scores.get(id(args[0]), result)
    if activation not in SQUASHING:
        return result
    if isinstance(layer, keras.layers.Activation | keras.layers.Softmax):
        return args[0]
    if isinstance(layer, keras.layers.Dense):
        return _Linear(layer, name=f"{layer.name}_score")(args[0])
    return result


class _Linear(keras.layers.Layer):
    """A dense layer without its activation, whose weights it shares."""

    def __init__(self, dense: keras.layers.Dense, **kwargs: Any) -> None:
        super().__init__(dtype=dense.dtype_policy, **kwargs)
        self.dense = dense

    def call(self, inputs: Any) -> Any:
        x = ops.matmul(inputs, self.dense.kernel)
        return x if self.dense.bias is None else ops.add(x, self.dense.bias)
