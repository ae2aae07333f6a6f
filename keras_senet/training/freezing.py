"""Which weights are trained in which epochs."""

import itertools
import re
from dataclasses import dataclass

import keras

from keras_senet.errors import InputError
from keras_senet.training.recipe import Recipe

# What stands behind the last stage, under whatever name.
HEAD = "head"


@dataclass(frozen=True)
class Phase:
    """Epochs in which the same weights are trained.

    Attributes:
        first: Number of the first epoch, from 0.
        end: Number of the epoch that it ends before.
        stage: What stands before this stage is frozen, if it is not `None`.
        batch_norm: Whether all batch normalization is frozen.
    """

    first: int
    end: int
    stage: str | None
    batch_norm: bool


def phases(recipe: Recipe) -> list[Phase]:
    """Divides the epochs of a recipe by what is trained in them.

    Args:
        recipe: Any recipe.

    Returns:
        At least one phase, in order, without gaps.
    """
    tuning, epochs = recipe.finetuning, recipe.schedule.epochs
    frozen = epochs - min(recipe.regularization.frozen_batch_norm, epochs)
    stages = [(0, tuning.freeze_until), *tuning.unfreeze]
    cuts = sorted({0, epochs, frozen, *(epoch for epoch, _ in tuning.unfreeze)})
    return [
        Phase(
            first,
            end,
            stage=[stage for epoch, stage in stages if epoch <= first][-1],
            batch_norm=first >= frozen,
        )
        for first, end in itertools.pairwise(cuts)
    ]


def freeze(model: keras.Model, phase: Phase) -> None:
    """Freezes what a phase says, and lets all else be trained.

    A frozen batch normalization is in inference mode.

    Args:
        model: A network with layers `stem_...`, `stage2_...`, and so on.
        phase: What is frozen.

    Raises:
        InputError: If the network has no such stage.
    """
    parts = stage_names(model)
    if phase.stage is not None and phase.stage not in parts:
        raise InputError(
            f"{model.name} has the stages {', '.join(parts)}. Received: {phase.stage!r}"
        )
    before = parts[: parts.index(phase.stage)] if phase.stage else []
    for layer in model.layers:
        if not layer.weights:
            continue
        still = phase.batch_norm and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not still and _part(layer) not in before


def stage_names(model: keras.Model) -> list[str]:
    """The stages of a network, from its input to its head."""
    return list(dict.fromkeys(_part(layer) for layer in model.layers if layer.weights))


def _part(layer: keras.layers.Layer) -> str:
    found = re.match(r"(stem|stage\d+)_", layer.name)
    return found[1] if found else HEAD
