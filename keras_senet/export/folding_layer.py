"""The layer for scales and shifts that cannot be folded into any weights."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_senet")
class ScaleAndShift(keras.layers.Layer):
    """Multiplies and adds constants, with no more operations than it takes.

    `keras.layers.Rescaling` leaves a multiplication by one, or an addition of zero, in
    exported graphs.

    Args:
        scale: A number, or nested lists that broadcast to the input; `None` is one.
        shift: The same; `None` is zero.
        **kwargs: The keywords of every Keras layer.

    Input shape:
        Any; also of integers, which become floats.

    Output shape:
        The shape of the input.
    """

    def __init__(self, scale: Any = None, shift: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.shift = shift
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Multiplies, then adds."""
        x = ops.cast(inputs, self.compute_dtype)
        if self.scale is not None:
            x = x * ops.convert_to_tensor(self.scale, x.dtype)
        if self.shift is not None:
            # `ops.add` takes vectors along another axis for one along the last axis
            # if the sizes are equal.
            x = x + ops.convert_to_tensor(self.shift, x.dtype)
        return x

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constants."""
        return {**super().get_config(), "scale": self.scale, "shift": self.shift}
