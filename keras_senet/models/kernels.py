"""Kernels of convolutions and dense layers, whose channels can be scaled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers, ops

from keras_senet.layers import Classifier, GroupedConv2D

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


def has_kernels(layer: Any) -> bool:
    """Says whether `kernels` knows what a layer does.

    Args:
        layer: Any layer or operation.

    Returns:
        Whether it is a convolution or a dense layer, and not quantized.
    """
    # Exact types, since a subclass can do anything.
    return type(layer) in LINEAR and layer.dtype_policy.quantization_mode is None


def kernels(layer: Any) -> list[Kernel]:
    """Reads the kernels of a layer.

    Args:
        layer: A layer that `has_kernels`.

    Returns:
        One, or two of which the second takes what the first makes.
    """
    if type(layer) in SEPARABLE:
        depthwise = Kernel(layer.depthwise_kernel, is_depthwise=True)
        return [depthwise, Kernel(layer.pointwise_kernel)]
    if type(layer) in DEPTHWISE:
        return [Kernel(layer.kernel, is_depthwise=True)]
    return [Kernel(layer.kernel, groups=getattr(layer, "groups", 1))]


def scaled_kernels(
    layer: Any, before: np.ndarray, after: np.ndarray
) -> list[np.ndarray]:
    """Computes the kernels that scale input and output of a layer, too.

    Args:
        layer: A layer that `has_kernels`.
        before: One factor for each channel of its input.
        after: One for each channel of its output.

    Returns:
        The kernels in float64, in the order of `kernels`.
    """
    first, *rest = kernels(layer)
    if not rest:
        return [first.scaled(before, after)]
    (last,) = rest
    return [
        first.scaled(before, np.ones(first.filters)),
        last.scaled(np.ones(last.channels), after),
    ]


def channel_axis(layer: Any, rank: int) -> int:
    """Finds the axis of the channels of what a layer takes, from its data format.

    Args:
        layer: A layer that treats channels and positions differently.
        rank: The rank of its input.

    Returns:
        The axis, counted from the front.
    """
    data_format = getattr(layer, "data_format", None)
    return 1 if data_format == "channels_first" else rank - 1


def misplaces_bias(layer: Any, shape: tuple) -> bool:
    """Says whether Keras can add the bias of a layer along the last axis by mistake.

    It does on TensorFlow, where the channels come first and the last axis has as many
    positions as there are channels.

    Args:
        layer: A layer that `has_kernels`.
        shape: The shape of its output.
    """
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return channels_first and shape[1] == shape[-1]


def float64(value: Any) -> np.ndarray:
    """Makes an array of a variable, a tensor or a number.

    Args:
        value: What `keras.ops.convert_to_numpy` takes.

    Returns:
        The array, in float64.
    """
    return np.asarray(ops.convert_to_numpy(value), "float64")
