"""Gates that are the same for all images."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_senet")
class ConstantGate(keras.layers.Layer):
    """Multiplies each channel by a constant, as `SqueezeExcite` does by its gates.

    The constants are the weight `gate`, which is not trained. It is ones until it is
    assigned.

    Args:
        data_format: `"channels_last"` or `"channels_first"`. `None` takes
            `keras.config.image_data_format()`.
        **kwargs: The keywords of every Keras layer.

    Input shape:
        A feature map of rank 3, 4 or 5. All but the channels may be `None`.

    Output shape:
        The shape of the input.

    Raises:
        ValueError: If the input has another rank or an unknown number of channels.

    Example:

    ```python
    layer = ConstantGate()
    layer.build((None, 32, 32, 3))
    layer.gate.assign([1.0, 0.5, 0.0])
    layer(images)
    ```
    """

    def __init__(self, *, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.data_format = str(data_format or keras.config.image_data_format()).lower()
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                "`data_format` should be 'channels_last' or 'channels_first'. "
                f"Received: data_format={data_format}"
            )

    def build(self, input_shape: tuple) -> None:
        """Makes the constants."""
        axis = 1 if self.data_format == "channels_first" else -1
        if len(input_shape) not in (3, 4, 5) or input_shape[axis] is None:
            raise ValueError(
                "The input of `ConstantGate` should have rank 3, 4 or 5 and a defined "
                f"channel axis. Received: input_shape={tuple(input_shape)} with "
                f"data_format={self.data_format}"
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={axis: input_shape[axis]}
        )
        self.gate = self.add_weight(
            name="gate",
            shape=(input_shape[axis],),
            initializer="ones",
            trainable=False,
        )

    def call(self, inputs: Any) -> Any:
        """Multiplies the channels."""
        gate = self.gate
        if self.data_format == "channels_first":
            gate = ops.reshape(gate, (-1,) + (1,) * (len(inputs.shape) - 2))
        return ops.multiply(inputs, gate)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns all arguments of the layer."""
        return {**super().get_config(), "data_format": self.data_format}
