"""Dense layers over feature maps, as the convolutions that they are."""

from typing import Any

import keras
from keras import layers

from keras_senet.models.graph import is_functional, shell


def with_pointwise_convolutions(model: keras.Model) -> keras.Model:
    """Replaces dense layers that take feature maps by 1x1 convolutions.

    TensorFlow computes the former as matrix products with reshapes and arithmetic on
    shapes around them, which converters keep. The answers are equal to rounding.

    Args:
        model: A functional model.

    Returns:
        A functional model that shares all other layers with `model`.

    Example:

    ```python
    from keras_senet.export.pointwise import with_pointwise_convolutions

    replaced = with_pointwise_convolutions(model)
    ```
    """
    made: dict[int, Any] = {}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if is_functional(layer):
            if id(layer) not in made:
                made[id(layer)] = with_pointwise_convolutions(layer)
            return made[id(layer)](*args, **kwargs)
        if type(layer) is layers.Dense and len(args[0].shape) == 4:
            if id(layer) not in made:
                made[id(layer)] = _convolution(layer)
            return made[id(layer)](args[0])
        return layer(*args, **kwargs)

    return keras.models.clone_model(
        shell(model), clone_function=lambda layer: layer, call_function=call
    )


def _convolution(dense: layers.Dense) -> layers.Conv2D:
    convolution = layers.Conv2D(
        dense.units,
        1,
        activation=dense.activation,
        use_bias=dense.use_bias,
        data_format="channels_last",
        dtype=dense.dtype_policy,
        name=dense.name,
    )
    kernel, *bias = dense.get_weights()
    convolution.build((None, None, None, len(kernel)))
    convolution.set_weights([kernel[None, None], *bias])
    return convolution
