"""Squeezes that read less, for models that are only to predict.

The mean of a 1x1 convolution is that convolution of the mean. A block behind a
bottleneck's last convolution can therefore squeeze what that convolution reads, a
quarter of the channels, and the product of the two matrices stands for both.
"""

from collections import Counter
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_senet.layers.squeeze_excite import SqueezeExcite
from keras_senet.models.graph import Graph, is_functional, shell

PARTS = ("squeeze", "reduce", "expand", "twice")


def squeezing_early(model: keras.Model) -> keras.Model:
    """Lets blocks squeeze before the 1x1 convolution that they recalibrate.

    Equal to rounding. Batch normalization between the two must be folded.

    Args:
        model: A functional model.

    Returns:
        A functional model that shares the other layers' weights with `model`.

    Example:

    ```python
    from keras_senet.export.squeezing import squeezing_early

    tuned = squeezing_early(model)
    ```
    """
    makers: dict[int, tuple[Any, Any]] = {}
    used = Counter(call.operation.name for call in Graph(model).calls if call.operation)
    nested: dict[int, keras.Model] = {}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if is_functional(layer):
            if id(layer) not in nested:
                nested[id(layer)] = squeezing_early(layer)
            return nested[id(layer)](*args, **kwargs)
        if isinstance(layer, SqueezeExcite) and not kwargs:
            convolution, before = makers.get(id(args[0]), (None, None))
            # Of a block that is called twice, one call could not take its name.
            free = used[layer.name] == 1 and not any(
                used[f"{layer.name}_{part}"] for part in PARTS
            )
            if free and _can_squeeze_before(layer, convolution):
                return _recalibrate(layer, convolution, before, args[0])
        outputs = layer(*args, **kwargs)
        if isinstance(outputs, keras.KerasTensor) and args:
            makers[id(outputs)] = (layer, args[0])
        return outputs

    return keras.models.clone_model(
        shell(model), clone_function=lambda layer: layer, call_function=call
    )


def _can_squeeze_before(block: SqueezeExcite, convolution: Any) -> bool:
    """Whether the means commute, and the earlier ones are fewer."""
    return (
        type(block) is SqueezeExcite
        and block.squeeze == "avg"
        and isinstance(convolution, layers.Conv2D)
        and convolution.kernel_size == convolution.strides == (1, 1)
        and convolution.groups == 1
        and convolution.activation is keras.activations.linear
        and convolution.data_format == block.data_format == "channels_last"
        and convolution.compute_dtype == block.compute_dtype == "float32"
        and convolution.kernel.shape[-2] < convolution.filters
    )


def _recalibrate(block: SqueezeExcite, convolution: Any, before: Any, x: Any) -> Any:
    reduce, expand = block.reduce_kernel, block.expand_kernel
    reduce_bias = _numbers(block.reduce_bias, reduce.shape[1])
    if convolution.use_bias:
        reduce_bias = _numbers(convolution.bias) @ _numbers(reduce) + reduce_bias
    composed = _numbers(convolution.kernel)[0, 0] @ _numbers(reduce)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{block.name}_squeeze")(
        before
    )
    for name, kernel, bias, activation in (
        ("reduce", composed, reduce_bias, block.activation),
        ("expand", _numbers(expand), block.expand_bias, block.gate_activation),
    ):
        matrix = layers.Conv2D(
            kernel.shape[1], 1, activation=activation, name=f"{block.name}_{name}"
        )
        gate = matrix(gate)
        matrix.set_weights([kernel[None, None], _numbers(bias, kernel.shape[1])])
    if block.identity_init:
        gate = layers.Rescaling(2.0, name=f"{block.name}_twice")(gate)
    return layers.Multiply(name=block.name)([x, gate])


def _numbers(weight: Any, size: int = 0) -> np.ndarray:
    """A weight in float64, or the zeros that one left out stands for."""
    if weight is None:
        return np.zeros(size)
    return keras.ops.convert_to_numpy(weight).astype("float64")
