"""What a run writes down at the end of each epoch."""

import math
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.training.distribute import with_batch_norm
from keras_senet.training.run import Run


class RunFiles(keras.callbacks.Callback):
    """Writes the history, the best and the last model after each epoch.

    The history is written first, then the last model, then the best one: a run
    that is killed in between has a row for every epoch of `last.keras`, and a
    best model that is missing is the last one.

    Args:
        run: The folder.
        rows: The history so far.
    """

    def __init__(self, run: Run, rows: list[dict[str, float]]) -> None:
        super().__init__()
        self.run = run
        self.rows = list(rows)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds a row, and saves the models.

        Raises:
            InputError: If the loss is not a number; nothing is saved then.
        """
        # `val_loss` averages over padding too; `val_cross_entropy` is exact.
        metrics = {
            name: float(value)
            for name, value in (logs or {}).items()
            if name != "val_loss"
        }
        if not all(map(math.isfinite, metrics.values())):
            raise InputError(
                f"Training diverged in epoch {epoch + 1}: the loss is not a number. "
                "Choose a lower --learning-rate."
            )
        self.rows.append({"epoch": epoch + 1, **metrics})
        self.run.write_history(self.rows)
        self.run.write_model(self.model, self.run.last)
        self.keep_if_best(self.model)

    def keep_if_best(self, model: keras.Model) -> None:
        """Saves the model of the last row as the best one, if it is."""
        if self.rows and best_row(self.rows) is self.rows[-1]:
            best = with_batch_norm(model, synchronized=False)
            self.run.write_model(best, self.run.best)


def best_row(rows: list[dict[str, float]]) -> dict[str, float]:
    """The epoch of highest validation accuracy; of equals the latest."""
    return max(rows, key=lambda row: (row["val_accuracy"], row["epoch"]))
