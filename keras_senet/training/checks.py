"""What a run needs, and what is refused before it starts."""

from dataclasses import fields
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.training.recipe import Recipe
from keras_senet.training.run import Run


def check_backend() -> None:
    """Refuses to train where `tf.distribute` and `tf.data` cannot."""
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "Training runs on Keras' TensorFlow backend. Set KERAS_BACKEND=tensorflow. "
            f"Received: {keras.backend.backend()}"
        )
    if keras.config.image_data_format() != "channels_last":
        raise InputError(
            "Training reads images channels last. Set image_data_format in "
            "keras.json to channels_last."
        )


def check_shareable(recipe: Recipe, strategy: Any) -> None:
    """Refuses batches that the replicas cannot share equally."""
    replicas = strategy.num_replicas_in_sync
    if recipe.batch_size % replicas:
        raise InputError(
            f"The batch should divide by {replicas} replicas. "
            f"Received: batch_size={recipe.batch_size}"
        )


def check_resumable(run: Run, recipe: Recipe, devices: int | None) -> int:
    """Refuses to continue a run that is finished or had another recipe.

    Args:
        run: The folder.
        recipe: What was asked for now.
        devices: How many devices were asked for now, if any number was.

    Returns:
        How many devices the run was started on.

    Raises:
        InputError: If the run cannot be continued so.
    """
    record = run.read_record()
    if record.get("status") == "finished":
        raise InputError(f"{run.path} is finished; there is nothing to resume.")
    replicas = record.get("distribution", {}).get("replicas")
    if replicas is None:
        raise InputError(f"{run.record} does not say on how many devices it ran.")
    if devices not in (None, replicas):
        raise InputError(
            f"{run.path} was started on {replicas} devices. Received: devices={devices}"
        )
    recorded = run.read_recipe()
    # Whoever was stopped by a bad image may go on without it.
    names = [x.name for x in fields(Recipe) if x.name != "on_bad_image"]
    other = [x for x in names if getattr(recorded, x) != getattr(recipe, x)]
    if other:
        raise InputError(
            f"{run.path} was started with another recipe: "
            + ", ".join(f"{name}={getattr(recorded, name)}" for name in other)
        )
    return replicas
