"""Networks for images that are not RGB, from networks that are."""

from typing import Any

import keras
from keras import layers, ops

from keras_senet.layers import GroupedConv2D, ImageSize, Provenance, ResizeAndCrop
from keras_senet.models.copying import copy_model, copy_state
from keras_senet.models.graph import Graph, is_functional, new_inputs

# What does the same to every channel, without constants of its own.
PASSING = (
    Provenance,
    ImageSize,
    ResizeAndCrop,
    layers.Cropping2D,
    layers.Identity,
    layers.LeakyReLU,
    layers.ReLU,
    layers.Resizing,
    layers.ZeroPadding2D,
)
MIXING = ("glu", "log_softmax", "softmax", "sparsemax")


def adapt_input_channels(model: keras.Model, n: int) -> keras.Model:
    """Makes a copy of a network for images of `n` channels instead of 3.

    The kernels of the first convolution are folded as timm does it. For one channel
    they are summed, so that three equal channels and one of them have the same
    output. For others they are repeated in turn and scaled by `3 / n`, which keeps
    the size of the sums. All other weights, and all biases, are copied.

    The mean and deviation that `preprocess_input` takes from the new model are the
    averages over R, G and B for one channel, and those of R, G and B in turn
    otherwise. Since R, G and B are normalized each in its own way, a gray image then
    has nearly, not exactly, the output that it has as RGB.

    Args:
        model: A functional or sequential model with one input, images of 3 channels.
            These reach the first convolution through layers only that do the same
            to each channel, such as padding.
        n: The number of channels.

    Returns:
        A functional model, which is not compiled. It shares nothing with the old
        one, which stays as it is.

    Raises:
        ValueError: If `n` is no positive integer, or the model is another one.

    Example:

    ```python
    import keras
    import keras_senet

    rgb = keras.applications.MobileNetV2(weights=None)  # or "imagenet"
    gray = keras_senet.adapt_input_channels(rgb, 1)
    gray.input_shape  # (None, 224, 224, 1)
    ```
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"`n` should be a positive integer. Received: n={n!r}")
    if not is_functional(model):
        raise ValueError(
            "`model` should be a functional or sequential Keras model that is built. "
            f"Received: {getattr(model, 'name', model)!r} of type "
            f"{type(model).__name__}"
        )
    entry = _Entry(model)
    axis = entry.axis

    def inputs_like(each: keras.Model) -> Any:
        if id(each) not in entry.models:
            return new_inputs(each)
        return new_inputs(each, lambda tensor: _replaced(tensor.shape, axis, n))

    def copy_layer(old: Any, new: Any) -> None:
        if id(old) in entry.convolutions:
            _copy_folded(old, new, n)
            return
        copy_state(old, new)
        wants = old.checkpoint if isinstance(old, Provenance) else None
        if id(old) in entry.passed and wants is not None:
            new.checkpoint = _adapted(wants, n)

    return copy_model(model, model.name, inputs_like=inputs_like, copy_layer=copy_layer)


class _Entry:
    """What the images of a model go through, up to the first convolutions.

    Attributes:
        models: The `id` of the model, and of those in it that the images enter.
        convolutions: The first convolutions, by their `id`.
        passed: The `id` of the layers before them.
        axis: The axis of the channels.
    """

    def __init__(self, model: keras.Model) -> None:
        self.models: set[int] = set()
        self.convolutions: dict[int, Any] = {}
        self.passed: set[int] = set()
        self._enter(model)
        formats = {layer.data_format for layer in self.convolutions.values()}
        self.axis = 1 if formats == {"channels_first"} else -1
        shape = tuple(model.inputs[0].shape)
        if len(formats) != 1 or len(shape) != 4 or shape[self.axis] != 3:
            raise ValueError(
                "`model` should take images of 3 channels, to a convolution. Received: "
                f"{model.name} with input shape {shape} and first convolutions "
                f"{[layer.name for layer in self.convolutions.values()]}"
            )

    def _enter(self, model: keras.Model) -> bool:
        """Follows the images, and says whether they come out as images."""
        if len(model.inputs) != 1:
            raise ValueError(
                "`model` should have one input. "
                f"Received: {model.name} with {len(model.inputs)}"
            )
        self.models.add(id(model))
        graph = Graph(model)
        images = {id(tensor) for tensor in graph.calls[0].outputs}
        for call in graph.calls[1:]:
            if not any(id(tensor) in images for tensor in call.inputs):
                continue
            layer = call.operation
            if is_functional(layer):
                passes = self._enter(layer)
            elif passes := _is_passing(layer):
                self.passed.add(id(layer))
            elif _is_convolution(layer):
                self.convolutions[id(layer)] = layer
            else:
                raise ValueError(
                    "The images of `model` should reach its first convolution, of "
                    "one group, through padding and activations only, since constants "
                    "or weights of each channel have no meaning for others. Received: "
                    f"{model.name}, whose images reach {layer.name!r} of type "
                    f"{type(layer).__name__}"
                )
            if passes:
                images.update(map(id, call.outputs))
        return any(id(tensor) in images for tensor in graph.outputs)


def _is_passing(layer: Any) -> bool:
    # Exact types, since a subclass can do anything.
    if type(layer) is layers.Rescaling:
        constants = (layer.scale, layer.offset)
        return all(isinstance(value, (int, float)) for value in constants)
    if type(layer) is layers.Activation:
        return keras.activations.serialize(layer.activation) not in MIXING
    return type(layer) in PASSING


def _is_convolution(layer: Any) -> bool:
    return (
        type(layer) in (layers.Conv2D, GroupedConv2D)
        and layer.groups == 1
        and not layer.lora_enabled
        and layer.dtype_policy.quantization_mode is None
    )


def _replaced(shape: tuple, axis: int, n: int) -> tuple:
    changed = list(shape)
    changed[axis] = n
    return tuple(changed)


def _copy_folded(old: Any, new: Any, n: int) -> None:
    for source, target in zip(old.variables, new.variables, strict=True):
        value = _folded(source, n) if source is old.kernel else ops.copy(source)
        target.assign(value)
        target.trainable = source.trainable


def _folded(kernel: Any, n: int) -> Any:
    """A kernel of shape (height, width, 3, filters) for `n` channels."""
    kernel = ops.cast(kernel, "float32")
    if n == 1:
        return ops.sum(kernel, axis=2, keepdims=True)
    turns = ops.take(kernel, [i % 3 for i in range(n)], axis=2)
    return turns * (3 / n)


def _adapted(checkpoint: dict[str, Any], n: int) -> dict[str, Any]:
    fields = dict(checkpoint["input"])
    for key in ("mean", "std"):
        values = fields[key]
        average = sum(values) / len(values)
        fields[key] = [average] if n == 1 else [values[i % 3] for i in range(n)]
    return {**checkpoint, "input": fields}
