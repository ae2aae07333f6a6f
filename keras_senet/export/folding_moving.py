"""Scales, shifts and paddings moved into the weights of their neighbors."""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
from keras import layers

from keras_senet.export.folding_affine import Affine
from keras_senet.export.folding_linear import Excitation, Linear
from keras_senet.export.folding_program import Program, Step, is_float
from keras_senet.layers import ImageSize
from keras_senet.models.rules import is_plain_sum

PADDINGS = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)


def keep_normalization(program: Program) -> None:
    """Keeps the constant scales and shifts before all layers with weights in place.

    Args:
        program: The program, which is changed, as by the following functions.
    """
    images = {id(tensor) for tensor in program.inputs}
    for step in program:
        if not all(id(tensor) in images for tensor in program.taken(step)):
            continue
        if isinstance(step.work, Affine) and step.work.is_constant:
            step.work = replace(step.work, stays=True)
        elif _has_weights(step.work):
            continue
        images.update(map(id, step.outputs))


def fold_backward(program: Program) -> None:
    """Folds scales and shifts into what stands before them."""
    for step in program:
        if isinstance(step.work, Affine):
            (source,) = program.taken(step)
            takers = _takers(program, source, step.work)
            for maker, affine in takers:
                if isinstance(maker.work, Affine):
                    maker.work = maker.work.then(affine)
                else:
                    maker.work.put_after(affine)
            if takers:
                program.drop(step)


def fold_forward(program: Program) -> None:
    """Folds scales and shifts into what stands behind them.

    A shift does not go past zeros that are padded behind it; a constant scale does.
    """
    for step in program:
        affine = step.work
        if not isinstance(affine, Affine) or affine.stays:
            continue
        entered = _entered(program, step.outputs[0], affine)
        rest = Affine.identity(affine.name)
        if np.any(affine.shift) and any(padded for _, padded in entered):
            if not affine.is_constant or not np.all(affine.scale):
                continue
            rest, affine = affine.parted()
        for linear, _ in entered:
            linear.put_before(affine)
        if entered:
            step.work = rest


def drop_identities(program: Program) -> None:
    """Takes away the scales and shifts of which nothing is left."""
    for step in program:
        if isinstance(step.work, Affine) and step.work.is_identity:
            (source,) = program.taken(step)
            # What makes floats of integers stays.
            if is_float(source):
                program.drop(step)


def merge_padding(program: Program) -> None:
    """Lets convolutions pad by themselves where that pads the same."""
    for step in program:
        if type(step.work) is layers.ZeroPadding2D and step.is_plain:
            (source,), (made,) = program.taken(step), step.outputs
            users = program.users(made)
            linears = [
                user.work
                for user in users
                if user is not None and isinstance(user.work, Linear)
            ]
            shape = tuple(source.shape)
            alike = all(_pads_alike(step.work, x, shape) for x in linears)
            if alike and len(linears) == len(users):
                for linear in linears:
                    linear.padding = "same"
                program.drop(step)


def _has_weights(work: Any) -> bool:
    known = isinstance(work, (Affine, Excitation, Linear))
    return known or bool(getattr(work, "weights", None))


def _takers(program: Program, tensor: Any, affine: Affine) -> list[tuple[Step, Affine]]:
    """The steps that can do what is done to a tensor, and what each has to do.

    Returns:
        Nothing if one of those that would have to cannot.
    """
    maker = program.maker(tensor)
    if maker is None or len(program.users(tensor)) != 1:
        return []
    work = maker.work
    if isinstance(work, Affine):
        together = work.stays == affine.stays and work.is_along(affine.axis)
        return [(maker, affine)] if together else []
    if isinstance(work, Linear):
        return [(maker, affine)] if work.can_take(affine) else []
    taken = program.taken(maker)
    if isinstance(work, Excitation):
        before = work.can_take(affine) and _takers(program, taken[0], affine)
        return [(maker, affine), *before] if before else []
    if not taken or not (type(work) is layers.Concatenate or is_plain_sum(work, taken)):
        return []
    each = [
        _takers(program, source, part)
        for source, part in zip(taken, _parts(work, taken, affine), strict=True)
    ]
    return list(itertools.chain(*each)) if all(each) else []


def _parts(operation: Any, taken: tuple, affine: Affine) -> list[Affine]:
    """What is to be done to each of the tensors that are joined."""
    if type(operation) is not layers.Concatenate:
        # Only one of the summands is shifted.
        return [affine] + [affine.without_shift()] * (len(taken) - 1)
    axis = operation.axis % len(taken[0].shape)
    if affine.axis != axis:
        return [affine] * len(taken)
    ends = list(itertools.accumulate(x.shape[axis] for x in taken))
    return [affine.channels(*x) for x in itertools.pairwise([0, *ends])]


def _entered(
    program: Program, tensor: Any, affine: Affine
) -> list[tuple[Linear, bool]]:
    """What a tensor goes into, and whether zeros come to its sides on the way.

    Returns:
        Nothing if it goes into anything else than layers that can take in `affine`.
    """
    found: list[tuple[Linear, bool]] = []
    for user in program.users(tensor):
        work = None if user is None else user.work
        if isinstance(work, Linear):
            entered = []
            if affine.is_along(work.axis) and affine.scale.size in (1, work.channels):
                entered = [(work, work.is_padded)]
        elif user is not None and type(work) in (*PADDINGS, ImageSize):
            entered = [
                (linear, padded or type(work) in PADDINGS)
                for linear, padded in _entered(program, user.outputs[0], affine)
            ]
        else:
            entered = []
        if not entered:
            return []
        found += entered
    return found


def _pads_alike(padding: Any, linear: Linear, shape: tuple) -> bool:
    """Whether a layer pads a tensor as a convolution does by `"same"`."""
    layer = linear.layer
    if linear.padding != "valid" or layer.data_format != padding.data_format:
        return False
    sides = shape[2:] if layer.data_format == "channels_first" else shape[1:3]
    settings = (sides, layer.kernel_size, layer.strides, layer.dilation_rate)
    same = tuple(_same(*along) for along in zip(*settings, strict=True))
    return same == tuple(map(tuple, padding.padding))


def _same(side: int | None, kernel: int, stride: int, dilation: int) -> tuple | None:
    """How much `"same"` pads before and behind, if that is known."""
    total = (kernel - 1) * dilation
    if stride > 1:
        if side is None:
            return None
        total = max(0, total + 1 - side + (math.ceil(side / stride) - 1) * stride)
    return total // 2, total - total // 2
