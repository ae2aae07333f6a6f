"""The Squeeze-and-Excitation block (conference paper, section 3)."""

from typing import Any

import keras
from keras import ops

SQUEEZES: dict[str | None, Any] = {"avg": ops.mean, "max": ops.max, None: None}


@keras.saving.register_keras_serializable(package="keras_senet")
class SqueezeExcite(keras.layers.Layer):
    """Recalibrates channels by gates computed from the whole feature map.

    Squeeze: `z_c`, the mean of channel `u_c` over all positions (equation 2).
    Excitation: `s = sigmoid(W2 relu(W1 z + b1) + b2)` with a hidden width of
    `C // reduction` (equation 3; the published networks have the biases).
    Scale: `s_c * u_c` (equation 4).

    The two matrices have shapes `(C, units)` and `(units, C)` for inputs of any
    rank. They are applied as convolutions with kernels of size one, which export
    without reshapes, casts and shape arithmetic around the block, and which
    inference engines run faster than matrix products.

    Args:
        reduction: Integer, at least 1: the reduction ratio r. The hidden width
            is `max(1, C // reduction)`. Table 5 of the conference paper
            compares ratios.
        units: Integer or `None`: the hidden width itself, instead of
            `reduction`.
        activation: The activation between the two matrices.
        gate_activation: The activation that makes the gates (table 12 of the
            journal paper compares sigmoid, tanh and ReLU).
        squeeze: `"avg"`, `"max"` (journal, table 11), or `None`: no squeeze,
            every position has its own gates (journal, table 16).
        use_bias: Whether the two matrices have biases.
        kernel_initializer: Initializer of both matrices.
        bias_initializer: Initializer of both biases.
        kernel_regularizer: Regularizer of both matrices.
        bias_regularizer: Regularizer of both biases.
        kernel_constraint: Constraint of both matrices.
        bias_constraint: Constraint of both biases.
        data_format: `"channels_last"` or `"channels_first"`. `None` takes
            `keras.config.image_data_format()`.
        identity_init: Whether to begin as the identity and still learn with every
            weight. The gate is `2 * sigmoid` then, at first exactly 1: expanding
            weights start at zero, the reducing bias at one, its matrix small. The
            initializers above are ignored. With `use_bias=False` nothing keeps
            hidden units from being dead for all images.
        **kwargs: The keywords of every Keras layer: `name`, `dtype`,
            `trainable`.

    Input shape:
        A feature map of rank 3, 4 or 5: `(batch, *positions, channels)`, or
        `(batch, channels, *positions)` with `"channels_first"`. All but the
        channels may be `None`.

    Output shape:
        The shape of the input; the dtype is the layer's compute dtype.

    Raises:
        ValueError: If an argument is out of its range, or the input has another
            rank or an unknown number of channels.

    Example:

    ```python
    import keras
    import keras_senet

    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(inputs)
    x = keras_senet.SqueezeExcite(reduction=16)(x)
    model = keras.Model(inputs, x)
    ```
    """

    def __init__(
        self,
        reduction: int = 16,
        *,
        units: int | None = None,
        activation: Any = "relu",
        gate_activation: Any = "sigmoid",
        squeeze: str | None = "avg",
        use_bias: bool = True,
        kernel_initializer: Any = "he_normal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        data_format: str | None = None,
        identity_init: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for argument, value in (("reduction", reduction), ("units", units)):
            optional = argument == "units" and value is None
            if not optional and (not isinstance(value, int) or value < 1):
                raise ValueError(
                    f"`{argument}` should be an integer of at least 1. "
                    f"Received: {argument}={value!r}"
                )
        if squeeze not in SQUEEZES:
            raise ValueError(
                f"`squeeze` should be 'avg', 'max' or None. Received: squeeze={squeeze}"
            )
        self.supports_masking = True
        self.reduction = reduction
        self.units = units
        self.activation = keras.activations.get(activation)
        self.gate_activation = keras.activations.get(gate_activation)
        self.squeeze = squeeze
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.data_format = str(data_format or keras.config.image_data_format()).lower()
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                "`data_format` should be 'channels_last' or 'channels_first'. "
                f"Received: data_format={data_format}"
            )
        self.identity_init = identity_init
        if identity_init and self.gate_activation is not keras.activations.sigmoid:
            raise ValueError(
                "`gate_activation` should be 'sigmoid' with `identity_init=True`. "
                f"Received: gate_activation={gate_activation}"
            )

    def build(self, input_shape: tuple) -> None:
        """Makes the two matrices and their biases."""
        if len(input_shape) not in (3, 4, 5):
            raise ValueError(
                "The input of `SqueezeExcite` should have rank 3, 4 or 5 (a 1D, 2D "
                f"or 3D feature map). Received: input_shape={tuple(input_shape)}"
            )
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ValueError(
                "The channel axis of the input of `SqueezeExcite` should be "
                f"defined. Received: input_shape={tuple(input_shape)} with "
                f"data_format={self.data_format}"
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={self._channel_axis: channels}
        )
        units = self.units or max(1, channels // self.reduction)
        self.reduce_kernel, self.reduce_bias = self._weights("reduce", channels, units)
        self.expand_kernel, self.expand_bias = self._weights("expand", units, channels)

    def compute_gate(self, inputs: Any) -> Any:
        """Computes the gates `s` alone, for layers that share this one's weights.

        Users want `keras_senet.gates(model)`.

        Args:
            inputs: The feature map that the layer, which is built, would be
                called on, in the layer's compute dtype.

        Returns:
            A tensor that multiplies the input: one gate for each image and
            channel, with positions of size one; with `squeeze=None` one gate
            for each element.
        """
        x = inputs
        # Not every device convolves channels first, so the matrices are applied
        # channels last; moving the axis of a squeezed map moves no data.
        channels_first = self.data_format == "channels_first"
        squeeze = SQUEEZES[self.squeeze]
        if squeeze is not None:
            first = 2 if channels_first else 1
            positions = tuple(range(first, first + len(x.shape) - 2))
            # Keras' mean sums float16 in float32: a plain sum would overflow.
            x = squeeze(x, axis=positions, keepdims=True)
        if channels_first:
            x = ops.moveaxis(x, 1, -1)
        x = self.activation(self._convolve(x, self.reduce_kernel, self.reduce_bias))
        x = self._convolve(x, self.expand_kernel, self.expand_bias)
        x = self.gate_activation(x)
        x = ops.multiply(x, 2) if self.identity_init else x
        return ops.moveaxis(x, -1, 1) if channels_first else x

    def call(self, inputs: Any) -> Any:
        """Multiplies the feature map by its gates (equation 4)."""
        return ops.multiply(inputs, self.compute_gate(inputs))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns all arguments of the layer."""
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "gate_activation": keras.activations.serialize(self.gate_activation),
            "squeeze": self.squeeze,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "data_format": self.data_format,
            "identity_init": self.identity_init,
        }

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def _weights(self, name: str, rows: int, columns: int) -> tuple[Any, Any]:
        starts = (self.kernel_initializer, self.bias_initializer)
        if self.identity_init:
            # Pretrained features hardly change their signs between images: without
            # an offset, half of the hidden units would be dead for all of them.
            scale = 0.01 if self.use_bias else 2.0
            draw = keras.initializers.VarianceScaling(scale, "fan_in")
            starts = (draw, "ones") if name == "reduce" else ("zeros", "zeros")
        kernel = self.add_weight(
            name=f"{name}_kernel",
            shape=(rows, columns),
            initializer=starts[0],
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if not self.use_bias:
            return kernel, None
        bias = self.add_weight(
            name=f"{name}_bias",
            shape=(columns,),
            initializer=starts[1],
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )
        return kernel, bias

    def _convolve(self, x: Any, kernel: Any, bias: Any) -> Any:
        ones = (1,) * (len(x.shape) - 2)
        kernel = ops.reshape(kernel, ones + tuple(kernel.shape))
        x = ops.conv(x, kernel, data_format="channels_last")
        return x if bias is None else ops.add(x, bias)
