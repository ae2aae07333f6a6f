"""A training run from the recipe to the record."""

import contextlib
import importlib
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import keras

from keras_senet.data.bad_images import BadImages
from keras_senet.data.images import Images
from keras_senet.data.steps import steps_per_epoch
from keras_senet.errors import InputError
from keras_senet.evaluation.accuracy import Accuracy, measure
from keras_senet.training.checks import (
    check_backend,
    check_computable,
    check_resumable,
    check_shared,
    check_steps,
)
from keras_senet.training.compiling import precision, trainable
from keras_senet.training.curves import plot_curves
from keras_senet.training.data import exact_batches, open_data, open_recipe
from keras_senet.training.distribute import run_strategy, wait_for_all
from keras_senet.training.memory import peak_memory
from keras_senet.training.outcome import best_row
from keras_senet.training.position import Position
from keras_senet.training.recipe import Recipe
from keras_senet.training.record import describe
from keras_senet.training.run import Run, check_new, clear, remove_unfinished
from keras_senet.training.session import Session
from keras_senet.training.signals import Signals
from keras_senet.training.workers import Workers, announced

MEASURED_AT_ONCE = 128


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
    best epoch), `last.keras`, and `checkpoints` to go on from. Both models take RGB
    0..255. Nothing is written before the data and the network have been found to be
    usable.

    Args:
        recipe: What to do.
        out: The run folder; with several processes, one that all of them see.
        devices: Number of GPUs or, without any, of logical CPU devices.
        overwrite: Whether to replace a run that is there already.
        resume: Whether to continue the run that is there, from its newest undamaged
            checkpoint. On a CPU the outcome is that of an uninterrupted run, bit for
            bit.

    Returns:
        The record.

    Raises:
        InputError: If something that was asked for cannot be done, or the loss is not
            a number.
        Stopped: If the process was asked to stop, by SIGTERM or Ctrl-C; the run can be
            resumed.
        Restart: If the next epochs train other weights, which several replicas can do
            in a new process only: resume the run.
    """
    started = time.monotonic()
    check_backend()
    # What is missing shall be found before hours of training, not after.
    for module in ("matplotlib", "tensorboard"):
        importlib.import_module(module)
    signals = Signals()
    workers = announced()
    run = check_new(out, overwrite=overwrite, resume=resume)
    if resume:
        devices = check_resumable(run, recipe, devices, workers)
    session = prepare(recipe, run, devices, workers, signals, resume=resume)
    record = describe(recipe, session.source, session.strategy, workers, session.model)
    if workers.writes:
        if resume:
            remove_unfinished(run)
        else:
            clear(run)
        run.write_record({"status": "running", **record})
    # Not earlier: TensorFlow catches SIGTERM, too, when it meets other processes.
    with signals.caught(), session.bad.named(), others_gone(session):
        if resume:
            session.resume()
        session.fit()
    if workers.writes:
        record = finish(session, record, time.monotonic() - started)
    wait_for_all(session.strategy, workers)
    return record


def prepare(
    recipe: Recipe,
    run: Run,
    devices: int | None,
    workers: Workers,
    signals: Signals,
    *,
    resume: bool,
) -> Session:
    """Opens the data and builds the network, and writes nothing.

    Args:
        recipe: What to do.
        run: The folder.
        devices: Number of GPUs or of logical CPU devices.
        workers: The processes.
        signals: May ask to stop.
        resume: Whether the data have to be those that the run had.

    Returns:
        A session at its beginning.

    Raises:
        InputError: If something that was asked for cannot be done.
    """
    make_deterministic(recipe)
    # First, since the CPU cannot be divided once TensorFlow has read data.
    strategy = run_strategy(devices, workers)
    check_computable(recipe, strategy)
    check_shared(recipe, workers)
    source = open_data(run) if resume else open_recipe(recipe)
    steps = steps_per_epoch(source, recipe.data.batch_size, workers.count)
    check_steps(recipe, steps)
    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope(), precision(recipe):
        replicas = strategy.num_replicas_in_sync
        model = trainable(recipe, source, steps, replicas=replicas)
    check_computable(recipe, strategy, model)
    bad = BadImages(recipe.data.on_bad_image)
    return Session(
        model=model,
        recipe=recipe,
        source=source,
        run=run,
        position=Position(steps=steps, bad=bad.found),
        bad=bad,
        strategy=strategy,
        workers=workers,
        signals=signals,
    )


@contextlib.contextmanager
def others_gone(session: Session) -> Iterator[None]:
    """Says in words that another process of the run has gone.

    Args:
        session: Of the run.

    Raises:
        Stopped: If this one was asked to go, too.
        InputError: If not.
    """
    import tensorflow as tf

    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if session.workers.count == 1:
            raise
        session.signals.raise_if_received()
        raise InputError(
            "Another process of the run has gone. Start all of them again, with "
            "--resume."
        ) from error


def make_deterministic(recipe: Recipe) -> None:
    """Tells TensorFlow to compute the same bits each time, if the recipe says so."""
    import tensorflow as tf

    if recipe.compute.deterministic:
        tf.config.experimental.enable_op_determinism()


def finish(session: Session, record: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Measures the best model of a run and writes its record.

    Args:
        session: At its end.
        record: What was known before.
        seconds: How long this process took.

    Returns:
        The record.
    """
    run, recipe, rows = session.run, session.recipe, session.position.rows
    splits = {name: x for name, x in session.source.splits.items() if name != "train"}
    results = measure_best(run, splits, session.bad)
    plot_curves(rows, f"{recipe.model.name} on {session.source.name}", run.curves)
    record = {
        "status": "finished",
        **record,
        "best_epoch": best_row(rows, recipe.evaluation.best)["epoch"],
        "metrics": {
            name: {**asdict(result), "accuracy": result.accuracy}
            for name, result in results.items()
        },
        "bad_images": session.bad.found,
        "peak_memory": peak_memory(),
        "history": rows,
        "seconds": round(seconds, 1),
    }
    run.write_record(record)
    return record


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
    # One device computes it, whatever shared a batch of the training.
    batch_size = min(recipe.data.batch_size, MEASURED_AT_ONCE)
    recipe = replace(recipe, data=replace(recipe.data, batch_size=batch_size))
    size = model.input_shape[1]
    with bad.named():
        return {
            name: measure(
                model.predict_on_batch, exact_batches(recipe, images, size, bad)
            )
            for name, images in splits.items()
        }
