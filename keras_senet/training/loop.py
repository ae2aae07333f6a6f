"""A training run from the recipe to the record."""

import importlib
import os
import time
from dataclasses import asdict
from typing import Any

import keras

from keras_senet.data.bad_images import BadImages
from keras_senet.data.images import Images
from keras_senet.data.source import Source
from keras_senet.data.steps import steps_per_epoch
from keras_senet.evaluation.accuracy import Accuracy, measure
from keras_senet.training.callbacks import RunFiles, best_row
from keras_senet.training.checks import (
    check_backend,
    check_resumable,
    check_shareable,
)
from keras_senet.training.curves import plot_curves
from keras_senet.training.data import (
    changes,
    exact_batches,
    fit_batches,
    open_data,
    open_recipe,
)
from keras_senet.training.distribute import mirrored_strategy, with_batch_norm
from keras_senet.training.network import build, compile_model
from keras_senet.training.recipe import Recipe
from keras_senet.training.record import describe
from keras_senet.training.run import Run, check_new, clear


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
    source = open_data(run) if resume else open_recipe(recipe)
    check_shareable(recipe, strategy)
    steps = steps_per_epoch(source, recipe.batch_size)
    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope():
        if resume and run.last.exists():
            model = run.read_last()
        else:
            model = build(recipe, source)
            if strategy.num_replicas_in_sync > 1:
                model = with_batch_norm(model, synchronized=True)
            shares = changes(recipe, source).mixes
            compile_model(model, recipe, steps, shares=shares)
    record = describe(recipe, source, strategy, model)
    if not resume:
        clear(run)
    run.write_record({"status": "running", **record})
    bad = BadImages(recipe.on_bad_image)
    with bad.named():
        rows = fit(model, recipe, source, run, steps, bad)
    splits = {name: x for name, x in source.splits.items() if name != "train"}
    results = measure_best(run, splits, bad)
    plot_curves(rows, f"{recipe.model} on {source.name}", run.curves)
    record = {
        "status": "finished",
        **record,
        "best_epoch": best_row(rows)["epoch"],
        "metrics": {
            name: {**asdict(result), "accuracy": result.accuracy}
            for name, result in results.items()
        },
        "bad_images": bad.found,
        "history": rows,
        "seconds": round(time.monotonic() - started, 1),
    }
    run.write_record(record)
    return record


def fit(
    model: keras.Model,
    recipe: Recipe,
    source: Source,
    run: Run,
    steps: int,
    bad: BadImages,
) -> list[dict[str, float]]:
    """Trains for the epochs that the model has not seen yet.

    Args:
        model: Compiled, perhaps with an optimizer that has taken steps.
        recipe: What to do.
        source: The data set.
        run: Where the models and the history go.
        steps: Batches in an epoch.
        bad: What to do about images that cannot be read.

    Returns:
        The history, a dictionary of metrics for each epoch from the first.
    """
    done = int(keras.ops.convert_to_numpy(model.optimizer.iterations)) // steps
    files = RunFiles(run, run.read_history()[:done])
    files.keep_if_best(model)
    if done == recipe.epochs:
        return files.rows
    training, validation = fit_batches(recipe, source, done, bad)
    model.fit(
        training,
        epochs=recipe.epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        validation_data=validation,
        callbacks=[files],
        # The data come shuffled; Keras would say that it cannot.
        shuffle=False,
    )
    return files.rows


def measure_best(
    run: Run, splits: dict[str, Images], bad: BadImages
) -> dict[str, Accuracy]:
    """Measures the best model, as it was saved.

    Args:
        run: The folder.
        splits: The images to measure on, by name.
        bad: What to do about images that cannot be read.

    Returns:
        What was counted, by the name of the split.
    """
    recipe, model = run.read_recipe(), run.read_best()
    size = model.input_shape[1]
    with bad.named():
        return {
            name: measure(
                model.predict_on_batch, exact_batches(recipe, images, size, bad)
            )
            for name, images in splits.items()
        }
