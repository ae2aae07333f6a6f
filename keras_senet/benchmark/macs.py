"""Multiply-accumulate operations, counted over the Keras graph."""

import math
from typing import Any

import keras

from keras_senet.layers import ConstantGate, SqueezeExcite
from keras_senet.models.graph import is_functional, tensors

CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
# Scale and shift, which no published count includes.
SCALES = (
    ConstantGate,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.RMSNormalization,
    keras.layers.Normalization,
)


def count_macs(model: keras.Model, input_shape: tuple | None = None) -> int:
    """Counts the multiply-accumulate operations for one image.

    Convolutions (depthwise and separable ones, too), dense layers and both matrices
    of `SqueezeExcite` count, as in table 2 of the conference paper; normalization,
    activations, pooling, the scaling by the gates and operations of `keras.ops` do
    not.

    Args:
        model: A functional Keras model with one input.
        input_shape: The shape of the image, without the batch, where the model
            leaves it open.

    Returns:
        The number of multiply-accumulate operations.

    Raises:
        ValueError: If sizes are unknown, or the model has a layer with weights of
            a kind that cannot be counted.

    Example:

    ```python
    network = keras_senet.SEResNet50(weights=None, variant="caffe")
    keras_senet.count_macs(network)  # 3860488192
    ```
    """
    if not is_functional(model) or len(model.inputs) != 1:
        raise ValueError(
            "`model` should be a functional or sequential Keras model with one input, "
            f"which is built. Received: {getattr(model, 'name', model)!r} of type "
            f"{type(model).__name__}"
        )
    shape = tuple(input_shape or model.inputs[0].shape[1:])
    if None in shape:
        raise ValueError(
            "`input_shape` should say the sizes that the model leaves open. "
            f"Received: input_shape={input_shape}, model.input_shape="
            f"{tuple(model.inputs[0].shape)}"
        )
    total = 0

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal total
        outputs = layer(*args, **kwargs)
        inputs = tensors((args, kwargs))
        if isinstance(layer, keras.Model):
            total += count_macs(layer, tuple(inputs[0].shape[1:]))
        elif getattr(layer, "weights", None):
            total += _layer_macs(layer, tuple(inputs[0].shape), tuple(outputs.shape))
        return outputs

    keras.models.clone_model(
        keras.Model(model.inputs, model.outputs),
        input_tensors=[keras.Input(shape)],
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return total


def _layer_macs(layer: Any, inputs: tuple, outputs: tuple) -> int:
    if isinstance(layer, (*CONVOLUTIONS, *DEPTHWISE, *SEPARABLE)):
        filters_last = layer.data_format == "channels_last"
        positions = outputs[1:-1] if filters_last else outputs[2:]
        separable = isinstance(layer, SEPARABLE)
        names = ("depthwise_kernel", "pointwise_kernel") if separable else ("kernel",)
        kernels = [getattr(layer, name) for name in names]
        weights = sum(math.prod(kernel.shape) for kernel in kernels)
        return math.prod(positions) * weights
    if isinstance(layer, keras.layers.Dense):
        return math.prod(inputs[1:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, SqueezeExcite):
        matrices = math.prod(layer.reduce_kernel.shape) * 2
        channels_last = layer.data_format == "channels_last"
        positions = inputs[1:-1] if channels_last else inputs[2:]
        return matrices * (math.prod(positions) if layer.squeeze is None else 1)
    if isinstance(layer, SCALES):
        return 0
    raise ValueError(
        f"Layers of type {type(layer).__name__} cannot be counted. "
        f"Received: {layer.name}"
    )
