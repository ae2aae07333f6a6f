"""Fitting a network through the phases of a recipe, from wherever a run is."""

import contextlib
from dataclasses import dataclass
from typing import Any

import keras

from keras_senet.data.bad_images import BadImages
from keras_senet.data.source import Source
from keras_senet.errors import InputError
from keras_senet.training.callbacks import (
    Checkpointing,
    Divergence,
    EpochEnd,
    StopInValidation,
    Validation,
)
from keras_senet.training.checkpoints import Checkpoints, replicas_of
from keras_senet.training.copies import (
    average_replicas,
    averaged,
    plain_copy,
)
from keras_senet.training.data import training_data, validation_data
from keras_senet.training.distribute import shared_out, wait_for_all
from keras_senet.training.freezing import Phase, freeze, phases
from keras_senet.training.network import test_size
from keras_senet.training.outcome import drop_rate, has_stopped, write_epoch
from keras_senet.training.position import Position
from keras_senet.training.progress import Progress
from keras_senet.training.recipe import Recipe
from keras_senet.training.run import Run
from keras_senet.training.signals import Signals
from keras_senet.training.tensorboard import TensorBoardLogs
from keras_senet.training.workers import Workers

IMAGES_TO_SHOW = 16


class Restart(Exception):
    """The next phase of a run needs a new process; resuming the run goes on with it."""


@dataclass(kw_only=True)
class Session:
    """A network, its data, and how far its training is.

    Attributes:
        model: Compiled, in the scope of the strategy.
        recipe: What to do.
        source: The data set.
        run: Where files go.
        position: How far the run is.
        bad: What to do about images that cannot be read.
        strategy: Of the devices.
        workers: The processes.
        signals: May ask to stop.
    """

    model: keras.Model
    recipe: Recipe
    source: Source
    run: Run
    position: Position
    bad: BadImages
    strategy: Any
    workers: Workers
    signals: Signals

    def __post_init__(self) -> None:
        recipe = self.recipe
        self.checkpoints = Checkpoints(
            self.run.checkpoints, keep=recipe.checkpoints.keep
        )
        self.checkpointing = Checkpointing(
            self.position,
            self.checkpoints,
            recipe.checkpoints.minutes,
            self.signals,
            self.workers.writes,
        )
        self.checkpointing.set_model(self.model)
        self._has_replicas = self.strategy.num_replicas_in_sync > 1
        self._fitted = False
        self.size = test_size(recipe, self.source)
        self.saved = plain_copy(self.model, self.size)
        self.validation = shared_out(
            self.strategy,
            self.workers,
            lambda worker, workers: validation_data(
                recipe, self.source, self.size, self.bad, worker, workers
            ),
        )

    def resume(self) -> None:
        """Goes to where the newest good checkpoint is, if there is any."""
        if not self.checkpoints.all():
            return
        # Makes the variables of the metrics, which are restored, too.
        self.model.evaluate(self.validation, steps=1, verbose=0)
        state = self.checkpoints.restore(self.model)
        for name, value in (state or {}).items():
            setattr(self.position, name, value)
        # One dictionary for both, which is filled as images are read.
        self.bad.found.update(self.position.bad)
        self.position.bad = self.bad.found
        counted = [
            copy for x in self.model.metrics_variables for copy in replicas_of(x)
        ]
        middle = 0 < self.position.step < self.position.steps
        metrics = [(copy, copy.numpy()) for copy in counted] if middle else []
        self.checkpointing.begins_at(self.position.step if middle else 0, metrics)

    def fit(self) -> None:
        """Trains to the end.

        Raises:
            Stopped: If a signal asked for it.
            Restart: If there is more to do, by another process.
            InputError: If the loss is not a number, or there is no room for files.
        """
        position = self.position
        watchers = self._watchers()
        self.callbacks = [
            Divergence(position, self.checkpoints),
            self.checkpointing,
            Validation(self.checkpointing, self.validate),
            *watchers[:1],
            EpochEnd(self.checkpointing, self.finish),
            *watchers[1:],
        ]
        with watchers[0] if watchers else contextlib.nullcontext():
            self._fit_phases()
        self.signals.raise_if_received()

    def _fit_phases(self) -> None:
        position = self.position
        for phase in phases(self.recipe):
            if phase.end <= position.epoch or self.is_over():
                continue
            if position.epoch == phase.first and self._fitted and self._has_replicas:
                self.signals.raise_if_received()
                wait_for_all(self.strategy, self.workers)
                raise Restart
            freeze(self.model, phase)
            self.model.make_train_function(force=True)
            if position.step == position.steps:
                self._finish_epoch()
            while position.epoch < phase.end and not self.is_over():
                self._fit(phase)

    def is_over(self) -> bool:
        """Whether the run is at its end, or has stopped early."""
        last = self.position.epoch >= self.recipe.schedule.epochs
        return last or has_stopped(self.recipe, self.position)

    def _fit(self, phase: Phase) -> None:
        """Trains the rest of an epoch, or the rest of a phase."""
        position, self._fitted = self.position, True
        first, step = position.epoch, position.step
        end = first + 1 if step else phase.end
        batches = shared_out(
            self.strategy,
            self.workers,
            lambda worker, workers: self._batches(first, step, end, worker, workers),
        )
        self.model.fit(
            batches,
            epochs=end,
            initial_epoch=first,
            steps_per_epoch=position.steps - step,
            callbacks=self.callbacks,
            # The data come shuffled; Keras would say that it cannot.
            shuffle=False,
            verbose=0,
        )

    def _watchers(self) -> list[Any]:
        """The progress bar and TensorBoard, where somebody looks."""
        if not self.workers.writes:
            return []
        recipe, position = self.recipe, self.position
        first = position.step % position.steps
        progress = Progress(
            images_per_step=recipe.data.batch_size,
            steps=position.steps,
            epochs=recipe.schedule.epochs,
            first_step=first,
        )
        some = self._batches(position.epoch, first, position.epoch + 1, 0, 1)
        images = next(iter(some))[0][:IMAGES_TO_SHOW].numpy()
        return [progress, TensorBoardLogs(self.run.tensorboard, images)]

    def _batches(
        self, epoch: int, step: int, end: int, worker: int, workers: int
    ) -> Any:
        return training_data(
            self.recipe,
            self.source,
            self.bad,
            first_epoch=epoch,
            first_step=step,
            end_epoch=end,
            worker=worker,
            workers=workers,
        )

    def _finish_epoch(self) -> None:
        """Validates an epoch of which all steps had been taken."""
        logs, epoch = dict(self.position.logs), self.position.epoch
        for callback in self.callbacks:
            if isinstance(callback, (Validation, EpochEnd)):
                callback.set_model(self.model)
                callback.on_epoch_end(epoch, logs)

    def validate(self) -> dict[str, float]:
        """Validates the averaged weights, or else the weights."""
        if not self.recipe.compute.synchronized_batch_norm:
            average_replicas(self.model)
        with averaged(self.model):
            logs = self.model.evaluate(
                self.validation,
                callbacks=self._while_validating(),
                return_dict=True,
                verbose=0,
            )
            self.saved.set_weights(self.model.get_weights())
        # The loss averages over padding, too; the cross entropy is exact.
        return {f"val_{name}": x for name, x in logs.items() if name != "loss"}

    def _while_validating(self) -> list[keras.callbacks.Callback]:
        if not self.workers.writes:
            return []
        progress = [x for x in self.callbacks if isinstance(x, Progress)]
        return [StopInValidation(self.signals), *progress]

    def finish(self, logs: dict[str, Any]) -> bool:
        """Adds a row to the history, and does what comes of it.

        Args:
            logs: Of the epoch.

        Returns:
            Whether the run is to stop early.
        """
        progress = [x for x in self.callbacks if isinstance(x, Progress)]
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        row = {"epoch": self.position.epoch + 1, **logs, "learning_rate": float(rate)}
        for name in ("images_per_second", "input_share", "seconds"):
            row[name] = progress[0].rates.get(name) if progress else None
        self.position.rows.append(row)
        if self.workers.writes:
            try:
                write_epoch(self.run, self.recipe, self.position.rows, self.saved)
            except OSError as error:
                known = self.checkpoints.all()
                raise InputError(
                    f"A file in {self.run.path} cannot be written "
                    f"({error.strerror or error}); the last good checkpoint is "
                    f"{known[0] if known else 'none'}. Make room, and resume."
                ) from error
        drop_rate(self.model, self.recipe, self.position)
        return has_stopped(self.recipe, self.position)
