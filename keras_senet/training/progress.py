"""What a person sees while a network is trained."""

import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from keras_senet.training.pace import Pace
from keras_senet.training.timed_model import TimedModel

SECONDS_BETWEEN_LOOKS = 0.5


class Progress(keras.callbacks.Callback):
    """Shows a bar for the epoch and prints a line after it; for `fit(verbose=0)`.

    The bar is drawn on a terminal only, and on stderr; the lines go to stdout. One
    object may go through several calls of `fit` for the parts of one run. It is a
    context manager, so that an error leaves no bar behind:

    ```python
    progress = Progress(images_per_step=1, steps=1, epochs=1)
    with progress:
        pass  # model.fit(..., verbose=0, callbacks=[progress])
    ```

    Metrics are fetched from the device when the bar is drawn anew, not every step;
    for that to help, no other callback may have an `on_train_batch_end`, for which
    Keras fetches them every time.

    Args:
        images_per_step: Images in a batch, over all replicas.
        steps: Steps in a whole epoch.
        epochs: Epochs in the whole run.
        first_step: How many steps of the first epoch were done earlier.
        console: Where the bar is drawn; stderr by default.

    Attributes:
        rates: Of the last epoch, `images_per_second` and `input_share`, the part of
            the time that steps waited for their batch (`None` if the model is no
            `TimedModel` or does not know), both without validation and without the
            first step of a `fit`; and `seconds`, all that this process spent on it.
            On an accelerator it is the host that waits: it runs ahead of the
            device, so that a high share tells what the bottleneck is, but not how
            long the device was idle.
    """

    def __init__(
        self,
        *,
        images_per_step: int,
        steps: int,
        epochs: int,
        first_step: int = 0,
        console: Console | None = None,
    ) -> None:
        super().__init__()
        self.images_per_step = images_per_step
        self.steps = steps
        self.epochs = epochs
        self.rates: dict[str, float | None] = {}
        self._first_step = first_step
        self._console = console or Console(stderr=True)
        self._bar: tuple[Bar, TaskID] | None = None
        self._pace = Pace(cold=True)
        self._cold = True
        self._epoch = 0
        self._besides = 0.0
        self._looked = 0.0
        self._done = 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self._remove_bar()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Expects the first step to be slow."""
        self._cold = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the bar and the clock."""
        self._epoch = epoch
        self._done = self._first_step
        self._pace = Pace(cold=self._cold)
        self._cold = False
        if self._console.is_terminal:
            self._start_bar()

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Moves the bar, some times a second."""
        timed = isinstance(self.model, TimedModel)
        self._pace.begin(batch, self.model.arrived() if timed else None)
        done = self._first_step + batch
        self._done = min(done + self.model.steps_per_execution, self.steps)
        now = time.monotonic()
        if self._bar is not None and now - self._looked > SECONDS_BETWEEN_LOOKS:
            self._move_bar(done, self._metrics() if batch else {})
            self._looked = time.monotonic()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock of the training steps."""
        self._pace.end(self._done - self._first_step)
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=self.steps, text="validation")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the line, with what earlier callbacks have put into the logs."""
        steps = self._done - self._first_step
        self._pace.end(steps)
        self._remove_bar()
        self._besides = self._pace.besides(steps)
        self._first_step = 0
        seconds_per_step = self._pace.seconds_per_step
        self.rates = {
            "images_per_second": seconds_per_step
            and self.images_per_step / seconds_per_step,
            "input_share": self._pace.input_share,
            "seconds": time.monotonic() - self._pace.started,
        }
        left = self._seconds_left(self._done, then=0.0)
        title = f"Epoch {epoch + 1:{len(str(self.epochs))}}/{self.epochs}"
        if self._done < self.steps:
            title += f" until step {self._done} of {self.steps}"
        print(f"{title}: {_line(logs or {}, self.rates, left)}", flush=True)

    def _metrics(self) -> dict[str, Any]:
        """Those of the epoch so far, where looking at them is our business alone."""
        import tensorflow as tf

        # All workers would have to look at once, and wait for each other if not.
        strategy = self.model.distribute_strategy
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return {}
        return self.model.get_metrics_result()

    def _seconds_left(self, done: int, *, then: float) -> float | None:
        """Of the whole run, `then` being what follows the steps of this epoch."""
        per_step = self._pace.seconds_per_step
        if per_step is None:
            return None
        later = self.epochs - self._epoch - 1
        whole = self.steps * per_step + self._besides
        return (self.steps - done) * per_step + then + later * whole

    def _start_bar(self) -> None:
        self._remove_bar()
        bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"),
            console=self._console,
            transient=True,
            # What others print shall go where they print it.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        title = f"{self._epoch + 1}/{self.epochs}"
        task = bar.add_task(
            title, total=self.steps, completed=self._first_step, text="starting"
        )
        bar.start()
        self._bar = (bar, task)
        self._looked = 0.0

    def _move_bar(self, done: int, metrics: dict[str, Any]) -> None:
        if self._bar is None:
            return
        bar, task = self._bar
        # Short, so that all of it fits 80 columns.
        parts = [
            f"{short} {float(metrics[name]):.3f}"
            for name, short in (("loss", "loss"), ("accuracy", "acc"))
            if name in metrics
        ]
        per_step = self._pace.seconds_per_step
        if per_step is not None:
            left = self._seconds_left(done, then=self._besides)
            parts += [
                f"{self.images_per_step / per_step:.0f} img/s",
                _clock((self.steps - done) * per_step),
                f"run {_clock(left)}",
            ]
        bar.update(task, completed=done, text=" ".join(parts) or "starting")

    def _remove_bar(self) -> None:
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None


def _line(
    logs: dict[str, Any], rates: dict[str, float | None], left: float | None
) -> str:
    """All about an epoch, with a dash for what is not known."""
    number = {
        name: f"{float(logs[name]):.4f}" if name in logs else "-"
        for name in ("accuracy", "cross_entropy", "val_accuracy", "val_cross_entropy")
    }
    speed, share = rates["images_per_second"], rates["input_share"]
    return (
        f"accuracy {number['accuracy']}, cross entropy {number['cross_entropy']}; "
        f"validation {number['val_accuracy']}, {number['val_cross_entropy']}; "
        f"{'-' if speed is None else f'{speed:.0f}'} images/s, "
        f"{'-' if share is None else f'{share:.0%}'} waiting for input; "
        f"{'-' if left is None else f'{left / 60:.1f}'} min left"
    )


def _clock(seconds: float | None) -> str:
    """Hours, minutes and seconds."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
