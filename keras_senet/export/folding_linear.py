"""Layers with weights, and the scales and shifts that are folded into these."""

from typing import Any

import numpy as np
from keras import layers
from keras.activations import linear

from keras_senet.export.folding_affine import Affine
from keras_senet.layers import SqueezeExcite
from keras_senet.models.kernels import (
    channel_axis,
    float64,
    has_kernels,
    kernels,
    misplaces_bias,
    scaled_kernels,
)


class Linear:
    """A layer whose channels are scaled before and after, and shifted after.

    Args:
        layer: A layer that `has_kernels`.
        rank: The rank of its input.

    Attributes:
        layer: That layer, which stays as it is.
        padding: The padding that it is to have; `None` if its kind has none.
        axis: The axis of the channels, of input and output.
    """

    def __init__(self, layer: Any, rank: int) -> None:
        self.layer = layer
        self.padding = getattr(layer, "padding", None)
        self.axis = channel_axis(layer, rank)
        self._kernels = kernels(layer)
        # Vectors are all that is kept: kernels can be large.
        self._before = np.ones(self._kernels[0].channels)
        self._after = np.ones(self._kernels[-1].filters)
        self._bias = float64(layer.bias) if layer.use_bias else np.zeros(1)

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self._kernels[0].channels

    @property
    def is_padded(self) -> bool:
        """Whether zeros come to the sides of its input."""
        sides = getattr(self.layer, "kernel_size", (1,))
        return self.padding not in (None, "valid") and set(sides) != {1}

    def can_take(self, affine: Affine) -> bool:
        """Whether `put_after` has the effect."""
        activation = getattr(self.layer, "activation", None)
        return activation in (None, linear) and affine.is_along(self.axis)

    @property
    def use_bias(self) -> bool:
        """Whether the layer is to have a bias."""
        return bool(self.layer.use_bias or np.any(self._bias))

    def put_before(self, affine: Affine) -> None:
        """Takes in what is done to its input, of which no padding is a part."""
        values = affine.shift * self._before
        if np.any(values):
            for kernel in self._kernels:
                values = kernel.answer(np.broadcast_to(values, kernel.channels))
            self._bias = self._bias + self._after * values
        self._before = self._before * affine.scale

    def put_after(self, affine: Affine) -> None:
        """Takes in what is done to its output."""
        self._after = self._after * affine.scale
        self._bias = self._bias * affine.scale + affine.shift

    def weights(self) -> list[np.ndarray]:
        """The new layer's weights in float64, in its order."""
        scaled = scaled_kernels(self.layer, self._before, self._after)
        if not self.use_bias:
            return scaled
        return [*scaled, np.broadcast_to(self._bias, self._after.shape)]


class Excitation:
    """A `SqueezeExcite` layer whose input and output are scaled alike.

    The gates are to be those of the input that was not scaled, so the rows of the
    first matrix are scaled by the inverse.

    Args:
        layer: The layer.
        rank: The rank of its input.

    Attributes:
        layer: That layer, which stays as it is.
        axis: The axis of the channels.
    """

    def __init__(self, layer: SqueezeExcite, rank: int) -> None:
        self.layer = layer
        self.axis = channel_axis(layer, rank)
        self._scale = np.ones(1)

    def can_take(self, affine: Affine) -> bool:
        """Whether the scale can stand before the layer as well as behind it."""
        # A positive one, since the squeeze can be a maximum.
        scales = bool(np.all(affine.scale > 0)) and not np.any(affine.shift)
        return scales and affine.is_constant and affine.is_along(self.axis)

    def put_after(self, affine: Affine) -> None:
        """Takes in what is done to its output, and will be done to its input."""
        self._scale = self._scale * affine.scale

    def weights(self) -> list[np.ndarray]:
        """The new layer's weights in float64, in its order."""
        first, *rest = map(float64, self.layer.weights)
        return [first / self._scale[:, np.newaxis], *rest]


def foldable(layer: Any, shape: tuple) -> Linear | Excitation | None:
    """Makes of a layer with weights what something can be folded into.

    Args:
        layer: Any layer or operation.
        shape: The shape of its output.

    Returns:
        `None` if it is of another kind.
    """
    # An activation that is a layer can have weights.
    if isinstance(getattr(layer, "activation", None), layers.Layer):
        return None
    if type(layer) is SqueezeExcite:
        is_quantized = layer.dtype_policy.quantization_mode is not None
        return None if is_quantized else Excitation(layer, len(shape))
    if not has_kernels(layer) or misplaces_bias(layer, shape):
        return None
    return Linear(layer, len(shape))
