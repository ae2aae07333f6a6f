"""What happens in a run before steps and after epochs.

None of these listens to the end of a step: for whoever does, Keras fetches all metrics
from the device after every step.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.training.checkpoints import (
    Checkpoints,
    NotFiniteError,
    replicas_of,
)
from keras_senet.training.position import Position
from keras_senet.training.signals import Signals, Stopped

Logs = dict[str, Any] | None
# How often the loss is looked at where that means to wait for a device.
SECONDS_BETWEEN_LOOKS = 2.0


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
            metrics: Pairs of a variable of the metrics and what it had counted by then.
        """
        self.first = step
        self.metrics = metrics

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Lets the metrics go on from where they were."""
        for variable, value in self.metrics:
            variable.assign(value)
        self.metrics = []

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Notes the steps before, and saves them if it is time."""
        self.position.step = self.first + batch
        late = time.monotonic() - self.last > self.seconds
        asked = self.signals.received is not None
        if (late or asked) and batch:
            self.save()
        # Whoever left first would take the others along before they are saved.
        if self.writes:
            self.signals.raise_if_received()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Notes that all steps are taken; what is left of the epoch comes later."""
        self.first = 0
        self.position.step = self.position.steps
        self.position.logs = {name: float(x) for name, x in (logs or {}).items()}

    def save(self) -> None:
        """Writes a checkpoint of the position."""
        self.last = time.monotonic()
        if not self.writes:
            return
        try:
            at = self.position
            self.checkpoints.save(self.model, at.state(), at.total, at.epoch)
        except NotFiniteError as error:
            raise diverged(self.position, self.checkpoints) from error


class Divergence(keras.callbacks.Callback):
    """Stops when the loss is not a number.

    On a CPU that is the step after it was not. With GPUs the loss is looked at every
    few seconds only, since to look at it is to wait for them.

    Args:
        position: Where the run is, kept up to date by `Checkpointing`.
        checkpoints: To say which one is good.
    """

    def __init__(self, position: Position, checkpoints: Checkpoints) -> None:
        import tensorflow as tf

        super().__init__()
        self.position = position
        self.checkpoints = checkpoints
        on_gpus = bool(tf.config.list_physical_devices("GPU"))
        self.seconds = SECONDS_BETWEEN_LOOKS if on_gpus else 0.0
        self.last = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Looks at the loss of the steps before."""
        if batch and time.monotonic() - self.last >= self.seconds:
            mean = next(x for x in self.model.metrics if x.name == "loss")
            self._look(replicas_of(mean.total)[0].numpy())
            self.last = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Looks at the loss of the epoch."""
        self._look((logs or {}).get("loss", 0.0))

    def _look(self, loss: Any) -> None:
        if not math.isfinite(float(loss)):
            raise diverged(self.position, self.checkpoints)


def diverged(position: Position, checkpoints: Checkpoints) -> InputError:
    """What is said when the loss, or a weight, is not a number."""
    known = checkpoints.all()
    last = f"the last good checkpoint is {known[0]}" if known else "nothing was saved"
    return InputError(
        f"Training diverged in epoch {position.epoch + 1}, step {position.step}: the "
        f"loss is not a number; {last}. Choose a lower --learning-rate."
    )


class Validation(keras.callbacks.Callback):
    """Validates after each epoch.

    Args:
        checkpointing: Saves the steps of the epoch, if the validation is stopped.
        validate: Returns the validation metrics.
    """

    def __init__(
        self, checkpointing: Checkpointing, validate: Callable[[], dict[str, float]]
    ) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.validate = validate

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Adds the validation metrics to the logs, for the callbacks that follow."""
        try:
            found = self.validate()
        except Stopped:
            self.checkpointing.save()
            raise
        if not all(map(math.isfinite, found.values())):
            at = self.checkpointing
            raise diverged(at.position, at.checkpoints)
        if logs is not None:
            logs.update(found)


class StopInValidation(keras.callbacks.Callback):
    """Stops between two batches of a validation, when asked to.

    Args:
        signals: May ask to stop.
    """

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self.signals = signals

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Stops if asked to."""
        self.signals.raise_if_received()


class EpochEnd(keras.callbacks.Callback):
    """Completes an epoch.

    Args:
        checkpointing: Saves it.
        finish: Takes the logs of the epoch and returns whether the run is to stop.
    """

    def __init__(
        self, checkpointing: Checkpointing, finish: Callable[[dict[str, Any]], bool]
    ) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.finish = finish

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Completes the epoch."""
        stop = self.finish(dict(logs or {}))
        position = self.checkpointing.position
        position.epoch, position.step, position.logs = epoch + 1, 0, {}
        self.checkpointing.save()
        self.model.stop_training = stop
