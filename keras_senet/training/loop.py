"""A training run from the recipe to the record."""

import importlib
import os
import platform
import time
from dataclasses import asdict, fields
from typing import Any

import keras
import numpy as np

from keras_senet.data.opening import open_source
from keras_senet.data.pipeline import evaluation_batches, training_batches
from keras_senet.data.source import Source, Split
from keras_senet.errors import InputError
from keras_senet.evaluation.accuracy import Accuracy, measure
from keras_senet.training.callbacks import RunFiles, best_row
from keras_senet.training.curves import plot_curves
from keras_senet.training.distribute import mirrored_strategy, with_batch_norm
from keras_senet.training.network import build, compile_model
from keras_senet.training.recipe import Recipe
from keras_senet.training.run import Run, check_new, clear
from keras_senet.version import __version__

INPUT = "RGB 0..255, channels last; the normalization is inside the model"


def train(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    devices: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> dict[str, Any]:
    """Trains a network and leaves a run folder.

    The folder holds `record.json`, `history.csv`, `curves.png`, `best.keras` (the
    epoch with the best validation accuracy) and `last.keras` (with the
    optimizer). Both models take RGB 0..255. Nothing is written before the data
    and the network have been found to be usable.

    Args:
        recipe: What to do.
        out: The run folder.
        devices: Number of GPUs or, without any, of logical CPU devices.
        overwrite: Whether to replace a run that is there already.
        resume: Whether to continue the run that is there, after its last
            complete epoch. Order and augmentation are those of an uninterrupted
            run.

    Returns:
        The record.

    Raises:
        InputError: If something that was asked for cannot be done.
    """
    started = time.monotonic()
    check_backend()
    # What is missing shall be found before hours of training, not after.
    importlib.import_module("matplotlib")
    run = check_new(out, overwrite=overwrite, resume=resume)
    if resume:
        devices = check_resumable(run, recipe, devices)
    # First, since the CPU cannot be divided once TensorFlow has read data.
    strategy = mirrored_strategy(devices)
    source = open_data(run) if resume else open_source(recipe.data)
    steps = steps_per_epoch(recipe, source, strategy)
    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope():
        if resume and run.last.exists():
            model = run.read_last()
        else:
            model = build(recipe, source)
            if strategy.num_replicas_in_sync > 1:
                model = with_batch_norm(model, synchronized=True)
            compile_model(model, recipe, steps)
    record = describe(recipe, source, strategy, model)
    if not resume:
        clear(run)
    run.write_record({"status": "running", **record})
    rows = fit(model, recipe, source, run, steps)
    splits = {"validation": source.validation, "test": source.test}
    results = measure_best(run, splits, recipe.batch_size)
    plot_curves(rows, f"{recipe.model} on {source.name}", run.curves)
    record = {
        "status": "finished",
        **record,
        "best_epoch": best_row(rows)["epoch"],
        "metrics": {
            name: {**asdict(result), "accuracy": result.accuracy}
            for name, result in results.items()
        },
        "history": rows,
        "seconds": round(time.monotonic() - started, 1),
    }
    run.write_record(record)
    return record


def fit(
    model: keras.Model, recipe: Recipe, source: Source, run: Run, steps: int
) -> list[dict[str, float]]:
    """Trains for the epochs that the model has not seen yet.

    Args:
        model: Compiled, perhaps with an optimizer that has taken steps.
        recipe: What to do.
        source: The data set.
        run: Where the models and the history go.
        steps: Batches in an epoch.

    Returns:
        The history, a dictionary of metrics for each epoch from the first.
    """
    done = int(keras.ops.convert_to_numpy(model.optimizer.iterations)) // steps
    files = RunFiles(run, run.read_history()[:done])
    files.keep_if_best(model)
    if done == recipe.epochs:
        return files.rows
    size, batch_size = model.input_shape[1], recipe.batch_size
    model.fit(
        training_batches(
            source,
            size=size,
            batch_size=batch_size,
            seed=recipe.seed,
            first_epoch=done,
            last_epoch=recipe.epochs,
        ),
        epochs=recipe.epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        validation_data=evaluation_batches(
            source.validation, size=size, batch_size=batch_size
        ),
        callbacks=[files],
        # The data come shuffled; Keras would say that it cannot.
        shuffle=False,
    )
    return files.rows


def steps_per_epoch(recipe: Recipe, source: Source, strategy: Any) -> int:
    """Batches in an epoch; refuses batches that cannot be filled or shared out."""
    replicas = strategy.num_replicas_in_sync
    if recipe.batch_size % replicas:
        raise InputError(
            f"The batch should divide by {replicas} replicas. "
            f"Received: batch_size={recipe.batch_size}"
        )
    steps = source.train.count // recipe.batch_size
    if not steps:
        raise InputError(
            f"{source.name} has {source.train.count} training images, which do not "
            f"fill one batch of {recipe.batch_size}; choose a smaller --batch-size."
        )
    return steps


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
    names = [x.name for x in fields(Recipe)]
    other = [x for x in names if getattr(recorded, x) != getattr(recipe, x)]
    if other:
        raise InputError(
            f"{run.path} was started with another recipe: "
            + ", ".join(f"{name}={getattr(recorded, name)}" for name in other)
        )
    return replicas


def open_data(run: Run) -> Source:
    """Opens the data of a run, which must be as they were.

    Args:
        run: The folder.

    Returns:
        The data set.

    Raises:
        InputError: If there are other images or classes than at training time,
            so that training images may have become test images.
    """
    recorded = run.read_record().get("data", {})
    source = open_source(run.read_recipe().data)
    if recorded.get("fingerprint") != source.fingerprint:
        raise InputError(
            f"The data {source.name} have changed since {run.path} was trained on "
            "them; its training and test images can no longer be told apart."
        )
    return source


def measure_best(
    run: Run, splits: dict[str, Split], batch_size: int
) -> dict[str, Accuracy]:
    """Measures the best model, as it was saved.

    Args:
        run: The folder.
        splits: The images to measure on, by name.
        batch_size: Images in a batch.

    Returns:
        What was counted, by the name of the split.
    """
    model = run.read_best()
    size = model.input_shape[1]
    return {
        name: measure(
            model.predict_on_batch,
            evaluation_batches(split, size=size, batch_size=batch_size),
        )
        for name, split in splits.items()
    }


def describe(
    recipe: Recipe, source: Source, strategy: Any, model: keras.Model
) -> dict[str, Any]:
    """What is known of a run before it starts."""
    import tensorflow as tf

    return {
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "versions": {
            "keras_senet": __version__,
            "python": platform.python_version(),
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
        },
        "distribution": {
            "strategy": type(strategy).__name__,
            "replicas": strategy.num_replicas_in_sync,
            "synchronized_batch_norm": strategy.num_replicas_in_sync > 1,
            "devices": list(strategy.extended.worker_devices),
        },
        "data": {
            "name": source.name,
            "fingerprint": source.fingerprint,
            "train": source.train.count,
            "validation": source.validation.count,
            "test": source.test.count,
            "class_names": list(source.class_names),
        },
        "model": {
            "parameters": model.count_params(),
            "image_size": model.input_shape[1],
            "input": INPUT,
        },
    }
