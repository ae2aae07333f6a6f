"""Checkpoints of a run: written whole, checked when they are read."""

import json
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.files import written_whole

STATE = "state"
# Steps and epochs; a checkpoint that is being replaced has a mark behind.
NAME = re.compile(r"\d+\.\d+~?")
# The name of the files within a checkpoint, before their endings.
FILES = "variables"


class NotFiniteError(InputError):
    """A weight is infinite or not a number, so there is nothing worth keeping."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints in a folder, of which only the newest are kept.

    Each is a folder, named by the numbers of steps and of epochs, with the bits of all
    variables of the model and its optimizer, on every replica, and a state as JSON.
    TensorFlow's format has a checksum for each of them.

    Attributes:
        path: The folder.
        keep: How many are kept.
    """

    path: Path
    keep: int = 3

    def all(self) -> list[Path]:
        """The checkpoints, the newest first."""
        if not self.path.is_dir():
            return []
        return sorted(
            (x for x in self.path.iterdir() if NAME.fullmatch(x.name)), reverse=True
        )

    def save(
        self, model: keras.Model, state: Mapping[str, Any], step: int, epoch: int
    ) -> Path:
        """Writes a checkpoint, and removes the oldest.

        Args:
            model: With a built optimizer.
            state: What else there is to know, as JSON can tell it.
            step: How many steps have been taken.
            epoch: How many epochs are complete.

        Returns:
            Where it is.

        Raises:
            NotFiniteError: If a weight is not a finite number.
            InputError: If it cannot be written; those before it are still there.
        """
        import tensorflow as tf

        arrays = _arrays(model)
        broken = [name for name, x in arrays.items() if not _is_finite(x)]
        if broken:
            raise NotFiniteError(
                f"After {step} steps {len(broken)} weights are not finite numbers."
            )
        target = self.path / f"{step:09d}.{epoch:04d}"
        if target in self.all():
            # As good as this one, unless it is damaged, and this the repair.
            target.rename(f"{target}~")
        try:
            with written_whole(target) as folder:
                folder.mkdir()
                tf.raw_ops.SaveV2(
                    prefix=str(folder / FILES),
                    tensor_names=[STATE, *arrays],
                    shape_and_slices=[""] * (len(arrays) + 1),
                    tensors=[tf.constant(json.dumps(state)), *arrays.values()],
                )
        except (OSError, tf.errors.OpError) as error:
            known = self.all()
            last = f"the last good one is {known[0]}" if known else "there is no other"
            raise InputError(
                f"The checkpoint {target} cannot be written ({_reason(error)}); "
                f"{last}. Make room, and resume."
            ) from error
        kept = [x for x in self.all() if not x.name.endswith("~")][: self.keep]
        for old in self.all():
            if old not in kept:
                shutil.rmtree(old, ignore_errors=True)
        return target

    def restore(self, model: keras.Model) -> dict[str, Any] | None:
        """Gives a model the newest checkpoint that is as it was written.

        Args:
            model: Like the one that was saved, with a built optimizer.

        Returns:
            The state; `None` if there is no checkpoint.

        Raises:
            InputError: If none is undamaged, or it is of another model.
        """
        found = self.all()
        for folder in found:
            try:
                arrays = _read(folder)
                state = json.loads(arrays.pop(STATE))
            # TensorFlow raises errors of many kinds about damaged files.
            except Exception as error:
                warnings.warn(
                    f"The checkpoint {folder} is damaged ({_reason(error)}); "
                    "the one before it is used.",
                    stacklevel=2,
                )
                continue
            _assign(model, arrays, folder)
            return state
        if found:
            raise InputError(f"All checkpoints in {self.path} are damaged.")
        return None


def _variables(model: keras.Model) -> dict[str, Any]:
    known = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    unique = {id(variable): variable for variable in known}.values()
    # Not by their paths, in which Keras counts up layers of a process.
    return {f"{index:05d}": x for index, x in enumerate(unique)}


def replicas_of(variable: Any) -> tuple[Any, ...]:
    """The TensorFlow variables of a Keras variable, one on each replica."""
    return tuple(getattr(variable.value, "values", (variable.value,)))


def _arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """The bits of all variables: of one replica if they are the same on all."""
    arrays = {}
    for name, variable in _variables(model).items():
        copies = [each.numpy() for each in replicas_of(variable)]
        if all(np.array_equal(each, copies[0]) for each in copies[1:]):
            copies = copies[:1]
        arrays.update({f"{name}/{index}": x for index, x in enumerate(copies)})
    return arrays


def _read(folder: Path) -> dict[str, Any]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(folder / FILES))
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_dtype_map()
    }


def _assign(model: keras.Model, arrays: dict[str, np.ndarray], folder: Path) -> None:
    variables = _variables(model)
    has = {x.partition("/")[0]: array.shape for x, array in arrays.items()}
    wanted = {name: tuple(variable.shape) for name, variable in variables.items()}
    if has != wanted:
        raise InputError(
            f"{folder} is of another model: it has {len(has)} variables for "
            f"{len(wanted)}, or of other shapes."
        )
    for name, variable in variables.items():
        for index, copy in enumerate(replicas_of(variable)):
            copy.assign(arrays.get(f"{name}/{index}", arrays[f"{name}/0"]))


def _is_finite(array: np.ndarray) -> bool:
    return not np.issubdtype(array.dtype, np.floating) or bool(np.isfinite(array).all())


def _reason(error: Exception) -> str:
    """What went wrong, without what TensorFlow says of its graph."""
    text = (str(error).strip() or type(error).__name__).partition("\n")[0]
    return text.rpartition("; ")[2].split(" [Op:")[0]
