"""What a run writes down at the end of each epoch."""

from typing import Any

import keras

from keras_senet.training.distribute import with_batch_norm
from keras_senet.training.run import Run


class RunFiles(keras.callbacks.Callback):
    """Writes the history, the best and the last model after each epoch.

    The history is written first and the last model at the end, so that a run
    that is killed in between has a row for every epoch of `last.keras`.

    Args:
        run: The folder.
        rows: The history so far.
    """

    def __init__(self, run: Run, rows: list[dict[str, float]]) -> None:
        super().__init__()
        self.run = run
        self.rows = list(rows)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds a row, and saves the models."""
        # `val_loss` averages over padding too; `val_cross_entropy` is exact.
        metrics = {
            name: float(value)
            for name, value in (logs or {}).items()
            if name != "val_loss"
        }
        self.rows.append({"epoch": epoch + 1, **metrics})
        self.run.write_history(self.rows)
        if best_row(self.rows) is self.rows[-1]:
            best = with_batch_norm(self.model, synchronized=False)
            self.run.write_model(best, self.run.best)
        self.run.write_model(self.model, self.run.last)


def best_row(rows: list[dict[str, float]]) -> dict[str, float]:
    """The epoch of highest validation accuracy; of equals the latest."""
    return max(rows, key=lambda row: (row["val_accuracy"], row["epoch"]))
