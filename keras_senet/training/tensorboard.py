"""What TensorBoard shows of a run: curves, speed, images and gates."""

import importlib
import os
from typing import Any

import keras
import numpy as np

from keras_senet.layers.gates import gates
from keras_senet.training.memory import peak_memory

VALIDATION = "val_"
GRID_COLUMNS = 8


class TensorBoardLogs(keras.callbacks.Callback):
    """Writes event files for TensorBoard, in the runs `train` and `validation`.

    Both use the same names for the same metrics, so that their curves lie in one
    chart. `train` also has the learning rate, the peak memory, and whatever else is
    in the logs, such as `images_per_second`; so this callback comes after those that
    put something in. With a batch, it has the images as they go into the network, and
    a histogram of the gates of each `SqueezeExcite` block after each epoch
    (conference, section 6.3; journal, section 7.2).

    A step is an epoch, counted from 1; what there is before training, the images, is
    at the number of epochs done before. A run that is resumed goes on in new files of
    the same folder: the curves continue, and an epoch that is trained a second time
    appears a second time at its place.

    Args:
        folder: Where the event files go.
        batch: A few images as `model` takes them, `(images, height, width, 3)`, RGB
            0..255.

    Raises:
        ModuleNotFoundError: If tensorboard is not installed.
    """

    def __init__(self, folder: str | os.PathLike, batch: Any = None) -> None:
        super().__init__()
        # TensorFlow's own message says less, and comes with the first number.
        importlib.import_module("tensorboard")

        self.folder = folder
        self.batch = None if batch is None else np.asarray(batch)
        self._writers: dict[str, Any] = {}
        self._gates: keras.Model | None = None
        self._started = False

    def set_model(self, model: keras.Model) -> None:
        """Builds the model of the gates, if the network has any."""
        if self.batch is not None and model is not self.model:
            try:
                self._gates = gates(model)
            except ValueError:
                # A baseline without SE is watched, too.
                self._gates = None
        super().set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Opens the files."""
        import tensorflow as tf

        self._writers = {
            run: tf.summary.create_file_writer(os.path.join(self.folder, run))
            for run in ("train", "validation")
        }

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Shows the images, once."""
        import tensorflow as tf

        if self.batch is not None and not self._started:
            with self._writers["train"].as_default(step=epoch):
                tf.summary.image("images", image_grid(self.batch)[np.newaxis])
        self._started = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes what is known after an epoch."""
        import tensorflow as tf

        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        scalars = {
            **(logs or {}),
            "learning_rate": rate,
            **{f"peak_memory/{name}": x for name, x in peak_memory().items()},
        }
        for name, value in scalars.items():
            # What was not measured.
            if value is None:
                continue
            run = "validation" if name.startswith(VALIDATION) else "train"
            with self._writers[run].as_default(step=epoch + 1):
                tf.summary.scalar(name.removeprefix(VALIDATION), float(value))
        if self._gates is not None:
            found = self._gates(self.batch, training=False)
            with self._writers["train"].as_default(step=epoch + 1):
                for name, gate in found.items():
                    tf.summary.histogram(f"gates/{name}", gate)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()


def image_grid(images: np.ndarray) -> np.ndarray:
    """Puts images beside and below each other.

    Args:
        images: `(count, height, width, channels)`, from 0 to 255.

    Returns:
        One image, uint8, with up to eight of them in a row; what is left of the last
        row is black.
    """
    count, height, width, channels = images.shape
    columns = min(count, GRID_COLUMNS)
    rows = -(-count // columns)
    grid = np.zeros((rows * columns, height, width, channels), "uint8")
    grid[:count] = np.clip(np.rint(images), 0, 255)
    grid = grid.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, channels)
