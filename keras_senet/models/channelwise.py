"""Which layers commute with a factor for each channel."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import activations, layers

from keras_senet.layers import (
    ChannelShuffle,
    ConstantGate,
    ImageSize,
    Provenance,
    ShakeShake,
)
from keras_senet.models.graph import Call
from keras_senet.models.kernels import channel_axis
from keras_senet.models.rules import is_plain_sum

# What does the same to each element, or multiplies it by a number of its own.
ELEMENTWISE = (
    ConstantGate,
    ImageSize,
    Provenance,
    layers.Dropout,
    layers.GaussianDropout,
    layers.Identity,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)
# What moves and averages the positions of each channel.
POSITIONAL = (
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.AveragePooling3D,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Cropping3D,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
    layers.UpSampling1D,
    layers.UpSampling2D,
    layers.UpSampling3D,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.ZeroPadding3D,
)
# Factors that are not negative go past the largest value, too.
MAXIMA = (
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.MaxPooling3D,
)
RECTIFIERS = (activations.relu, activations.leaky_relu)


@dataclass(frozen=True, eq=False)
class Scale:
    """A factor for each channel of a tensor.

    Attributes:
        values: The factors, in float64.
        axis: The axis of the channels, counted from the front.
    """

    values: np.ndarray
    axis: int

    def goes_past(self, activation: Any) -> bool:
        """Whether scaling before an activation is scaling behind it.

        Args:
            activation: A function, or `None`.
        """
        if activation in (None, activations.linear):
            return True
        return activation in RECTIFIERS and self.is_nonnegative

    @property
    def is_nonnegative(self) -> bool:
        """Whether it leaves the order of values as it is."""
        return bool(np.all(self.values >= 0))


def scales_before(call: Call, scale: Scale) -> list[Scale]:
    """Finds what to do to the inputs of a call instead of to its output.

    Args:
        call: A call with one output.
        scale: What is to be done to that.

    Returns:
        What is to be done to each input; nothing if that has another effect.
    """
    # Exact types, since a subclass can do anything.
    layer = call.operation
    if type(layer) is ShakeShake or is_plain_sum(layer, call.inputs):
        return [scale] * len(call.inputs)
    if type(layer) is layers.Concatenate:
        rank = len(call.outputs[0].shape)
        if layer.axis % rank != scale.axis:
            return [scale] * len(call.inputs)
        return [replace(scale, values=scale.values[x]) for x in _slices(call, scale)]
    if type(layer) is ChannelShuffle:
        turned = scale.values.reshape(-1, layer.groups).T.reshape(-1)
        return [replace(scale, values=turned)] if _is_along(call, scale) else []
    return [scale] if _commutes(call, scale) else []


def scale_behind(call: Call, tensor: Any, scale: Scale) -> Scale | None:
    """Finds what is done to the output of a call by what is done to one input.

    Args:
        call: A call with one output.
        tensor: One of its inputs.
        scale: What is done to that.

    Returns:
        What is done to the output; `None` if that is no scale.
    """
    layer = call.operation
    if type(layer) is layers.Concatenate:
        rank = len(call.outputs[0].shape)
        if layer.axis % rank != scale.axis:
            return None
        values = np.ones(call.outputs[0].shape[scale.axis])
        place = [x is tensor for x in call.inputs].index(True)
        values[_slices(call, scale)[place]] = scale.values
        return replace(scale, values=values)
    if type(layer) is ChannelShuffle:
        turned = scale.values.reshape(layer.groups, -1).T.reshape(-1)
        return replace(scale, values=turned) if _is_along(call, scale) else None
    if type(layer) is layers.Flatten:
        return _flattened(call, scale)
    if not _commutes(call, scale):
        return None
    # Global pools leave images and channels alone.
    return replace(scale, axis=1) if len(call.outputs[0].shape) == 2 else scale


def _commutes(call: Call, scale: Scale) -> bool:
    """Whether a call with one input scales its output as that is scaled."""
    layer, kind = call.operation, type(call.operation)
    if len(call.inputs) != 1:
        return False
    if kind in ELEMENTWISE:
        return True
    if kind in POSITIONAL:
        return _is_along(call, scale)
    if kind in MAXIMA:
        return scale.is_nonnegative and _is_along(call, scale)
    if kind in (layers.LeakyReLU, layers.PReLU):
        return scale.is_nonnegative
    if kind is layers.ReLU:
        bends_at_zero = layer.max_value is None and not layer.threshold
        return scale.is_nonnegative and bends_at_zero
    if kind is layers.Activation:
        return scale.goes_past(layer.activation)
    return kind is layers.Rescaling and not np.any(layer.offset)


def _is_along(call: Call, scale: Scale) -> bool:
    """Whether a layer takes for channels what is scaled."""
    rank = len(call.inputs[0].shape)
    return channel_axis(call.operation, rank) == scale.axis


def _slices(call: Call, scale: Scale) -> list[slice]:
    ends = itertools.accumulate(x.shape[scale.axis] for x in call.inputs)
    return [slice(*pair) for pair in itertools.pairwise([0, *ends])]


def _flattened(call: Call, scale: Scale) -> Scale | None:
    (source,) = call.inputs
    shape = tuple(source.shape)[1:]
    if None in shape:
        return None
    along = [1] * len(shape)
    along[scale.axis - 1] = -1
    values = np.broadcast_to(scale.values.reshape(along), shape)
    if call.operation.data_format == "channels_first":
        # The layer writes channels last, whatever the axis means.
        values = np.moveaxis(values, 0, -1)
    return Scale(values.reshape(-1), axis=1)
