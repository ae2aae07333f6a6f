"""What happens in a run after steps and epochs."""

import math
import time
from collections.abc import Callable
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.training.checkpoints import Checkpoints, NotFiniteError
from keras_senet.training.position import Position
from keras_senet.training.signals import Signals, Stopped

Logs = dict[str, Any] | None


def diverged(epoch: int, step: int, checkpoints: Checkpoints) -> InputError:
    """What is said when the loss, or a weight, is not a number."""
    known = checkpoints.all()
    last = f"the last good checkpoint is {known[0]}" if known else "nothing was saved"
    return InputError(
        f"Training diverged in epoch {epoch + 1}, step {step}: the loss is not a "
        f"number; {last}. Choose a lower --learning-rate."
    )


class Divergence(keras.callbacks.Callback):
    """Stops when the loss is not a number.

    It looks at the loss of the step before, which has been computed by then, so that
    the device does not wait for us.

    Args:
        position: Where the run is, kept up to date by `Checkpointing`.
        checkpoints: To say which one is good.
    """

    def __init__(self, position: Position, checkpoints: Checkpoints) -> None:
        super().__init__()
        self.position = position
        self.checkpoints = checkpoints
        self.before: tuple[int, Any] | None = None

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Looks at the loss of the step before."""
        self._look()
        self.before = (self.position.step, (logs or {}).get("loss", 0.0))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Looks at the loss of the last step."""
        self._look()

    def _look(self) -> None:
        if self.before is not None:
            step, loss = self.before
            self.before = None
            if not math.isfinite(float(loss)):
                raise diverged(self.position.epoch, step, self.checkpoints)


class Checkpointing(keras.callbacks.Callback):
    """Keeps the position, and writes checkpoints: by the clock, and when asked to stop.

    Args:
        position: Where the run is.
        checkpoints: Where they go.
        minutes: After how many minutes the next one is written.
        signals: May ask to stop.
        writes: Whether this process writes them; one of several does.
    """

    def __init__(
        self,
        position: Position,
        checkpoints: Checkpoints,
        minutes: float,
        signals: Signals,
        writes: bool,
    ) -> None:
        super().__init__()
        self.position = position
        self.checkpoints = checkpoints
        self.seconds = 60 * minutes
        self.signals = signals
        self.writes = writes
        self.last = time.monotonic()
        self.first = 0
        self.metrics: list[Any] = []

    def begins_at(self, step: int, metrics: list[Any]) -> None:
        """Says where in its epoch the next `fit` begins.

        Args:
            step: How many steps of the epoch have been taken.
            metrics: What the metrics had counted by then: for each variable, its
                value on each replica.
        """
        self.first = step
        self.metrics = metrics

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Lets the metrics go on from where they were."""
        self._stop_if_asked()
        for variable, value in self.metrics:
            variable.assign(value)
        self.metrics = []

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Notes a step."""
        self.position.step = self.first + batch + 1
        if self.position.step == self.position.steps:
            # What is left of the epoch comes after its validation.
            self.position.logs = {
                name: float(value) for name, value in (logs or {}).items()
            }
        late = time.monotonic() - self.last > self.seconds
        if late or self.signals.received is not None:
            self.save()
        self._stop_if_asked()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Forgets the steps of the epoch, which is complete."""
        self.first = 0

    def _stop_if_asked(self) -> None:
        # Whoever left first would take the others along before they are saved.
        if self.writes:
            self.signals.raise_if_received()

    def save(self) -> None:
        """Writes a checkpoint of the position."""
        self.last = time.monotonic()
        if not self.writes:
            return
        try:
            self.checkpoints.save(
                self.model, self.position.state(), self.position.total
            )
        except NotFiniteError as error:
            at = self.position
            raise diverged(at.epoch, at.step, self.checkpoints) from error


class StopInValidation(keras.callbacks.Callback):
    """Stops between two batches of a validation, when asked to.

    Args:
        signals: May ask to stop.
    """

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self.signals = signals

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Stops if asked to."""
        self.signals.raise_if_received()


class EpochEnd(keras.callbacks.Callback):
    """Validates after each epoch, and lets others do what comes of it.

    Args:
        position: Where the run is.
        checkpointing: Saves it.
        validate: Returns the validation metrics.
        finish: Takes the logs of the epoch, with those of the validation in them, and
            returns whether the run is to stop.
    """

    def __init__(
        self,
        position: Position,
        checkpointing: Checkpointing,
        validate: Callable[[], dict[str, float]],
        finish: Callable[[dict[str, Any]], bool],
    ) -> None:
        super().__init__()
        self.position = position
        self.checkpointing = checkpointing
        self.validate = validate
        self.finish = finish

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Validates, and adds a row to the history.

        Args:
            epoch: Number of the epoch, from 0.
            logs: The training metrics; those of the validation are added, for all
                callbacks that come later.
        """
        logs = {} if logs is None else logs
        try:
            logs.update(self.validate())
        except Stopped:
            self.checkpointing.save()
            raise
        position = self.position
        logs.update(_rate(self.model))
        stop = self.finish(logs)
        position.epoch, position.step, position.logs = epoch + 1, 0, {}
        self.checkpointing.save()
        self.model.stop_training = stop


def _rate(model: keras.Model) -> dict[str, float]:
    rate = keras.ops.convert_to_numpy(model.optimizer.learning_rate)
    return {"learning_rate": float(rate)}
