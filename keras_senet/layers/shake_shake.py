"""Two branches mixed at random (Gastaldi, "Shake-Shake regularization", 2017)."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_senet")
class ShakeShake(keras.layers.Layer):
    """Mixes two branches: in training at random, otherwise half and half.

    In training the output is `a * x1 + (1 - a) * x2`, where `a` is drawn uniformly
    from [0, 1) for each image, and the gradient is that of another, independent
    mixture `b * x1 + (1 - b) * x2` ("Shake-Shake-Image", the best of that paper).

    Args:
        seed: Integer seed, or `None`.
        **kwargs: The keywords of every Keras layer.

    Input shape:
        A list of two tensors of equal shape, the batch first.

    Output shape:
        The shape of one of them.

    Raises:
        ValueError: If the input is not a list of two tensors of equal shape.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Checks the branches' shapes."""
        listed = isinstance(input_shape, list) and len(input_shape) == 2
        if not listed or tuple(input_shape[0]) != tuple(input_shape[1]):
            raise ValueError(
                "The input of `ShakeShake` should be a list of two tensors of equal "
                f"shape. Received: input_shape={input_shape}"
            )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Mixes the branches."""
        first, second = inputs
        if not training:
            return ops.multiply(ops.add(first, second), 0.5)
        forward = self._mixture(first, second)
        backward = self._mixture(first, second)
        return ops.add(backward, ops.stop_gradient(ops.subtract(forward, backward)))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """Returns the shape of one branch."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Returns all arguments of the layer."""
        return {**super().get_config(), "seed": self.seed}

    def _mixture(self, first: Any, second: Any) -> Any:
        shape = (ops.shape(first)[0],) + (1,) * (len(first.shape) - 1)
        share = keras.random.uniform(
            shape, dtype=self.compute_dtype, seed=self.generator
        )
        return ops.add(
            ops.multiply(share, first), ops.multiply(ops.subtract(1, share), second)
        )
