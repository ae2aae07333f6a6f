"""What a run needs, and what is refused before it starts."""

from dataclasses import asdict
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.layers import GroupedConv2D
from keras_senet.training.recipe import Recipe
from keras_senet.training.run import Run
from keras_senet.training.workers import Workers

# What may change when a run goes on: whoever was stopped by a bad image may go on
# without it, and where checkpoints go has no part in the outcome.
MAY_CHANGE = ("data.on_bad_image", "checkpoints.minutes", "checkpoints.keep")


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


def check_computable(
    recipe: Recipe, strategy: Any, model: keras.Model | None = None
) -> None:
    """Refuses what these devices cannot do, or would do wrongly.

    Args:
        recipe: What was asked for.
        strategy: Of the devices.
        model: The network, when it is known.

    Raises:
        InputError: If there is something to refuse.
    """
    import tensorflow as tf

    compute, replicas = recipe.compute, strategy.num_replicas_in_sync
    if recipe.data.batch_size % replicas:
        raise InputError(
            f"The batch should divide by {replicas} replicas. "
            f"Received: batch_size={recipe.data.batch_size}"
        )
    if replicas > 1:
        for asked, field, why in (
            (compute.jit_compile, "compute.jit_compile", "XLA cannot compile them"),
            (
                compute.precision == "mixed_float16",
                "compute.precision=mixed_float16",
                "Keras looks for overflows on the first one only (mixed_bfloat16 has "
                "none)",
            ),
            (
                compute.accumulate > 1,
                "compute.accumulate",
                "Keras cannot accumulate gradients there",
            ),
            (
                recipe.regularization.clip_norm is not None,
                "regularization.clip_norm",
                "Keras would clip the gradient of each replica before they are added",
            ),
        ):
            if asked:
                raise InputError(
                    f"{field} is for one device only: with {replicas} replicas {why}."
                )
    on_gpus = bool(tf.config.list_physical_devices("GPU"))
    if model is None or on_gpus:
        return
    grouped = [x for x in model.layers if isinstance(x, GroupedConv2D) and x.groups > 1]
    if grouped and compute.precision == "mixed_float16":
        raise InputError(
            "A CPU has no float16 gradient of grouped convolutions, which "
            f"{recipe.model.name} has: take mixed_bfloat16. "
            f"Received: compute.precision={compute.precision}"
        )


def check_shared(recipe: Recipe, workers: Workers) -> None:
    """Refuses what several processes cannot do.

    Args:
        recipe: What was asked for.
        workers: The processes.

    Raises:
        InputError: If there is something to refuse.
    """
    if workers.count > 1 and not recipe.compute.synchronized_batch_norm:
        raise InputError(
            "Several processes need synchronized batch normalization: each would keep "
            "statistics of its own, and those of the first would be saved. "
            "Received: compute.synchronized_batch_norm=False"
        )


def check_steps(recipe: Recipe, steps: int) -> None:
    """Refuses executions that do not fill an epoch exactly, and to accumulate for ever.

    Args:
        recipe: What was asked for.
        steps: Batches in an epoch.

    Raises:
        InputError: If the last execution would reach into the next epoch, or no
            weight would ever change.
    """
    if recipe.compute.accumulate > steps:
        raise InputError(
            f"compute.accumulate should be at most the {steps} steps of an epoch. "
            f"Received: {recipe.compute.accumulate}"
        )
    asked = recipe.compute.steps_per_execution
    if steps % asked:
        fit = max(x for x in range(1, min(asked, steps) + 1) if steps % x == 0)
        raise InputError(
            f"steps_per_execution should divide the {steps} steps of an epoch, such as "
            f"{fit}. Received: {asked}"
        )


def check_resumable(
    run: Run, recipe: Recipe, devices: int | None, workers: Workers
) -> int | None:
    """Refuses to continue a run that is finished or had another recipe.

    Args:
        run: The folder.
        recipe: What was asked for now.
        devices: How many devices were asked for now, if any number was.
        workers: The processes that there are now.

    Returns:
        How many devices each process of the run was started on.

    Raises:
        InputError: If the run cannot be continued so.
    """
    record = run.read_record()
    if record.get("status") == "finished":
        raise InputError(f"{run.path} is finished; there is nothing to resume.")
    distribution = record.get("distribution", {})
    replicas, processes = distribution.get("replicas"), distribution.get("workers")
    if replicas is None or processes is None:
        raise InputError(f"{run.record} does not say on how many devices it ran.")
    if workers.count != processes:
        raise InputError(
            f"{run.path} was started as {processes} processes. "
            f"Received: {workers.count}"
        )
    replicas //= processes
    if devices not in (None, replicas):
        raise InputError(
            f"{run.path} was started on {replicas} devices. Received: devices={devices}"
        )
    other = changed_fields(run.read_recipe(), recipe)
    if other:
        raise InputError(f"{run.path} was started with another recipe: {other}")
    return replicas


def changed_fields(recorded: Recipe, asked: Recipe) -> str:
    """Names the fields of a recipe that another one has changed.

    Args:
        recorded: The one.
        asked: The other.

    Returns:
        `field=value` of the first recipe, or nothing.
    """
    before, now = flat(asdict(recorded)), flat(asdict(asked))
    return ", ".join(
        f"{name}={before.get(name)}"
        for name in sorted({*before, *now} - {*MAY_CHANGE})
        if before.get(name) != now.get(name)
    )


def flat(values: dict[str, Any]) -> dict[str, Any]:
    """Nested dictionaries as one, with dotted names."""
    found = {}
    for name, value in values.items():
        inner = flat(value) if isinstance(value, dict) else None
        found.update(
            {name: value}
            if inner is None
            else {f"{name}.{key}": each for key, each in inner.items()}
        )
    return found
