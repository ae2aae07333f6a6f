"""What multiplies each channel by a constant and adds another one."""

import math
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_senet.export.folding_layer import ScaleAndShift
from keras_senet.layers import ConstantGate
from keras_senet.models.kernels import channel_axis, float64

# By their names, since their classes are not public.
ARITHMETIC = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide")


@dataclass(frozen=True, kw_only=True)
class Affine:
    """`scale * x + shift`, in float64.

    Attributes:
        name: Of the layer.
        scale: One number, or one for each channel.
        shift: The same, of the same shape.
        axis: The axis of the channels; `None` if there is one number for all.
        is_constant: Whether these are constants of the architecture, of a sensible
            size, and not statistics of a training.
        stays: Whether it is to be left where it is.
    """

    name: str
    scale: np.ndarray
    shift: np.ndarray
    axis: int | None = None
    is_constant: bool = True
    stays: bool = False

    @classmethod
    def identity(cls, name: str) -> "Affine":
        """What only makes floats of integers."""
        return cls(name=name, scale=np.ones(()), shift=np.zeros(()))

    @classmethod
    def of_arrays(
        cls, name: str, shape: tuple, scale: Any, shift: Any
    ) -> "Affine | None":
        """From arrays that broadcast to a tensor's shape.

        Returns:
            `None` if they differ along other axes than one, or between images.
        """
        given = np.broadcast_arrays(np.float64(scale), np.float64(shift))
        sizes = given[0].shape
        varying = [i - len(sizes) for i, size in enumerate(sizes) if size != 1]
        if len(sizes) > len(shape) or len(varying) > 1:
            return None
        if not varying:
            scale, shift = (array.reshape(()) for array in given)
            return cls(name=name, scale=scale, shift=shift)
        axis = len(shape) + varying[0]
        if axis == 0 or shape[axis] != sizes[varying[0]]:
            return None
        scale, shift = (array.reshape(-1) for array in given)
        return cls(name=name, scale=scale, shift=shift, axis=axis)

    @property
    def is_identity(self) -> bool:
        """Whether it leaves all values as they are."""
        return bool(np.all(self.scale == 1) and np.all(self.shift == 0))

    def is_along(self, axis: int | None) -> bool:
        """Whether it can be combined with what is different along an axis."""
        return None in (self.axis, axis) or self.axis == axis

    def then(self, later: "Affine") -> "Affine":
        """This one and another one after it, along the same axis."""
        return replace(
            self,
            scale=later.scale * self.scale,
            shift=later.scale * self.shift + later.shift,
            axis=self.axis if later.axis is None else later.axis,
            is_constant=self.is_constant and later.is_constant,
        )

    def channels(self, start: int, stop: int) -> "Affine":
        """That of some of the channels."""
        scale, shift = self.scale[start:stop], self.shift[start:stop]
        return replace(self, scale=scale, shift=shift)

    def without_shift(self) -> "Affine":
        """The scale alone."""
        return replace(self, shift=np.zeros_like(self.shift))

    def parted(self) -> "tuple[Affine, Affine]":
        """A shift, and the scale after it, which make the same."""
        shift = self.shift / self.scale
        first = replace(self, scale=np.ones_like(shift), shift=shift)
        return first, self.without_shift()

    def layer(self, name: str, rank: int) -> layers.Layer:
        """The layer that computes it, for tensors of a rank."""
        shape: tuple = ()
        if self.axis is not None:
            shape = (-1,) + (1,) * (rank - 1 - self.axis)
        return ScaleAndShift(
            scale=None
            if np.all(self.scale == 1)
            else self.scale.reshape(shape).tolist(),
            shift=None
            if np.all(self.shift == 0)
            else self.shift.reshape(shape).tolist(),
            dtype="float32",
            name=name,
        )


def affine_of(operation: Any, arguments: tuple, shape: tuple) -> Affine | None:
    """Reads off what an operation does to each channel in inference.

    Args:
        operation: A layer or operation that is called with one tensor.
        arguments: Its positional arguments, constants among them.
        shape: The shape of that tensor, and of the output.

    Returns:
        `None` if it does something else.
    """
    # Exact types, since a subclass can do anything.
    if type(operation) is layers.BatchNormalization:
        return _of_batch_normalization(operation, len(shape))
    if type(operation) is ConstantGate:
        return _of_gate(operation, len(shape))
    if type(operation) is layers.Rescaling:
        scale, offset = np.asarray(operation.scale), np.asarray(operation.offset)
        if scale.ndim and keras.config.image_data_format() == "channels_first":
            # As the layer does it.
            scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))
        return Affine.of_arrays(operation.name, shape, scale, offset)
    if type(operation) is layers.Normalization:
        return Affine.of_arrays(operation.name, shape, *_of_normalization(operation))
    kind = type(operation)
    known = kind.__name__ in ARITHMETIC and kind.__module__.startswith("keras.")
    if known and not isinstance(operation, layers.Layer):
        return _of_arithmetic(operation, arguments, shape)
    return None


def _of_batch_normalization(layer: Any, rank: int) -> Affine:
    scale = 1 / np.sqrt(float64(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        scale = scale * float64(layer.gamma)
    shift = -float64(layer.moving_mean) * scale
    if layer.center:
        shift = shift + float64(layer.beta)
    return Affine(
        name=layer.name,
        scale=scale,
        shift=shift,
        axis=layer.axis % rank,
        is_constant=False,
    )


def _of_gate(layer: ConstantGate, rank: int) -> Affine:
    scale = float64(layer.gate)
    return Affine(
        name=layer.name,
        scale=scale,
        shift=np.zeros_like(scale),
        axis=channel_axis(layer, rank),
        is_constant=False,
    )


def _of_normalization(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    moments = (layer.mean, layer.variance)
    if layer.compute_dtype != "float32":
        # These were rounded.
        moments = (layer.input_mean, layer.input_variance)
        if layer.input_mean is None:
            moments = (layer.adapt_mean, layer.adapt_variance)
    shape = tuple(layer.mean.shape)
    mean, variance = (
        np.broadcast_to(float64(x).reshape(-1), math.prod(shape)).reshape(shape)
        for x in moments
    )
    deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
    if layer.invert:
        return deviation, mean
    return 1 / deviation, -mean / deviation


def _of_arithmetic(operation: Any, arguments: tuple, shape: tuple) -> Affine | None:
    if len(arguments) != 2:
        return None
    constant_first = isinstance(arguments[1], keras.KerasTensor)
    constant = float64(arguments[0 if constant_first else 1])
    kind, one, zero = type(operation).__name__, np.ones(()), np.zeros(())
    if kind == "Add":
        scale, shift = one, constant
    elif kind == "Subtract":
        scale, shift = (-one, constant) if constant_first else (one, -constant)
    elif kind == "Multiply":
        scale, shift = constant, zero
    elif not constant_first:
        scale, shift = 1 / constant, zero
    else:
        return None
    affine = Affine.of_arrays(operation.name, shape, scale, shift)
    return None if kind == "Add" and _is_mistaken(affine, shape) else affine


def _is_mistaken(affine: Affine | None, shape: tuple) -> bool:
    """Whether `ops.add` can add a vector along another axis than it should."""
    if affine is None or affine.axis in (None, len(shape) - 1):
        return False
    return affine.shift.size in (shape[1], shape[-1]) and (
        affine.axis != 1 or affine.shift.size == shape[-1]
    )
