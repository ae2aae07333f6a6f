"""What the steps of a program do in inference."""

import keras
import numpy as np
from keras import layers

from keras_senet.export.folding_affine import Affine, affine_of
from keras_senet.export.folding_linear import foldable
from keras_senet.export.folding_program import Program, Step, is_float
from keras_senet.layers import ImageSize, Provenance, ShakeShake

# What returns its input in inference. `RandomCrop` cuts out the middle then.
IDLE = (
    Provenance,
    layers.ActivityRegularization,
    layers.AlphaDropout,
    layers.AugMix,
    layers.CutMix,
    layers.Dropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.MixUp,
    layers.RandAugment,
    layers.RandomBrightness,
    layers.RandomColorDegeneration,
    layers.RandomColorJitter,
    layers.RandomContrast,
    layers.RandomElasticTransform,
    layers.RandomErasing,
    layers.RandomFlip,
    layers.RandomGaussianBlur,
    layers.RandomGrayscale,
    layers.RandomHue,
    layers.RandomInvert,
    layers.RandomPerspective,
    layers.RandomPosterization,
    layers.RandomRotation,
    layers.RandomSaturation,
    layers.RandomSharpness,
    layers.RandomShear,
    layers.RandomTranslation,
    layers.RandomZoom,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)


def is_idle(step: Step) -> bool:
    """Whether a step of the original model returns its input in inference."""
    layer = step.work
    if not step.is_plain:
        return False
    if type(layer) is layers.Activation:
        return layer.activation is keras.activations.linear
    return type(layer) in (*IDLE, ImageSize)


def understand(program: Program) -> None:
    """Replaces the layers of a program by what is known of them.

    Those that do nothing go, convolutions and dense layers become `Linear`, and what
    scales and shifts channels becomes `Affine`.

    Args:
        program: The program, which is changed, as by the following functions.
    """
    calls: dict[int, int] = {}
    for step in program:
        calls[id(step.work)] = calls.get(id(step.work), 0) + 1
    for step in program:
        if isinstance(step.work, Affine):
            continue
        if type(step.work) is ShakeShake:
            _halve(program, step)
        elif is_idle(step):
            _leave_out(program, step)
        else:
            once = step.is_plain and calls[id(step.work)] == 1
            shape = tuple(step.outputs[0].shape)
            known = foldable(step.work, shape) if once else None
            step.work = known or _affine(program, step) or step.work


def _affine(program: Program, step: Step) -> Affine | None:
    taken, made = program.taken(step), step.outputs
    if len(taken) != 1 or len(made) != 1 or not is_float(made[0]):
        return None
    if isinstance(step.work, layers.Layer) and not step.is_plain:
        return None
    shape = tuple(made[0].shape)
    args, _ = step.arguments
    return affine_of(step.work, args, shape) if tuple(taken[0].shape) == shape else None


def _leave_out(program: Program, step: Step) -> None:
    (taken,), (made,) = program.taken(step), step.outputs
    if type(step.work) is ImageSize and None in taken.shape[1:]:
        return
    if is_float(made) and not is_float(taken):
        step.work = Affine.identity(step.work.name)
    else:
        program.drop(step)


def _halve(program: Program, step: Step) -> None:
    """Writes out the mixture of two branches, half and half."""
    args, kwargs = step.arguments
    if len(args) == 1 and not any(kwargs.values()):
        mix = step.work
        half = Affine(name=mix.name, scale=np.full((), 0.5), shift=np.zeros(()))
        total = layers.Add(name=f"{mix.name}_add", dtype=mix.dtype_policy)
        program.split(step, total, half)
