"""Layers with weights, and the scales and shifts that are folded into these."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers, ops
from keras.activations import linear

from keras_senet.export.folding_affine import Affine, float64
from keras_senet.layers import Classifier, GroupedConv2D, SqueezeExcite

CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D, GroupedConv2D)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
LINEAR = (*CONVOLUTIONS, *DEPTHWISE, *SEPARABLE, layers.Dense, Classifier)


@dataclass(frozen=True)
class Kernel:
    """A kernel, with the channels of the input and of the output as its last two axes.

    Attributes:
        variable: The kernel itself.
        groups: How many groups the channels consist of.
        is_depthwise: Whether each channel of the input has outputs of its own.
    """

    variable: Any
    groups: int = 1
    is_depthwise: bool = False

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self.variable.shape[-2] * self.groups

    @property
    def filters(self) -> int:
        """Channels of the output."""
        rows, columns = self.variable.shape[-2:]
        return rows * columns if self.is_depthwise else columns

    def scaled(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The kernel that scales the channels of the input and of the output, too."""
        kernel = ops.convert_to_numpy(self.variable)
        # In float64, and no more often in memory than that takes.
        kernel = np.multiply(kernel, self._by_input(before), dtype="float64")
        kernel *= after.reshape(self.channels, -1) if self.is_depthwise else after
        return kernel

    def answer(self, values: np.ndarray) -> np.ndarray:
        """What comes out where each channel of the input is one value everywhere."""
        kernel = ops.convert_to_numpy(self.variable)
        matrix = kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0, dtype="float64")
        matrix *= self._by_input(values)
        return matrix.reshape(-1) if self.is_depthwise else matrix.sum(axis=0)

    def _by_input(self, values: np.ndarray) -> np.ndarray:
        """Values of the input's channels along the last two axes."""
        if self.is_depthwise or self.groups == 1:
            return values[:, np.newaxis]
        filters = self.variable.shape[-1] // self.groups
        return np.repeat(values.reshape(self.groups, -1), filters, axis=0).T


class Linear:
    """A layer whose channels are scaled before and after, and shifted after.

    Args:
        layer: A layer of one of the kinds above.
        rank: The rank of its input.

    Attributes:
        layer: That layer, which stays as it is.
        padding: The padding that it is to have; `None` if its kind has none.
        axis: The axis of the channels, of input and output.
    """

    def __init__(self, layer: Any, rank: int) -> None:
        self.layer = layer
        self.padding = getattr(layer, "padding", None)
        channels_first = getattr(layer, "data_format", None) == "channels_first"
        self.axis = 1 if channels_first else rank - 1
        self._kernels = _kernels(layer)
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
        first, *rest = self._kernels
        if rest:
            (last,) = rest
            kernels = [
                first.scaled(self._before, np.ones(first.filters)),
                last.scaled(np.ones(last.channels), self._after),
            ]
        else:
            kernels = [first.scaled(self._before, self._after)]
        if not self.use_bias:
            return kernels
        return [*kernels, np.broadcast_to(self._bias, self._after.shape)]


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
        self.axis = 1 if layer.data_format == "channels_first" else rank - 1
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
    # Exact types, since a subclass can do anything.
    if type(layer) not in (*LINEAR, SqueezeExcite):
        return None
    # An activation that is a layer can have weights.
    is_plain = not isinstance(getattr(layer, "activation", None), layers.Layer)
    if layer.dtype_policy.quantization_mode is not None or not is_plain:
        return None
    if type(layer) is SqueezeExcite:
        return Excitation(layer, len(shape))
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    if channels_first and shape[1] == shape[-1]:
        # On TensorFlow, Keras adds the bias along the last axis then.
        return None
    return Linear(layer, len(shape))


def _kernels(layer: Any) -> list[Kernel]:
    if type(layer) in SEPARABLE:
        depthwise = Kernel(layer.depthwise_kernel, is_depthwise=True)
        return [depthwise, Kernel(layer.pointwise_kernel)]
    if type(layer) in DEPTHWISE:
        return [Kernel(layer.kernel, is_depthwise=True)]
    return [Kernel(layer.kernel, groups=getattr(layer, "groups", 1))]
