"""The folder of a run: its files, and how they are written and read."""

import csv
import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.files import written_whole
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipe_text import recipe_from


@dataclass(frozen=True)
class Run:
    """A run folder. Each of its files appears whole or not at all.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def record(self) -> Path:
        """Recipe, versions, seed, data, metrics and history, as JSON."""
        return self.path / "record.json"

    @property
    def history(self) -> Path:
        """A row of metrics for each epoch."""
        return self.path / "history.csv"

    @property
    def curves(self) -> Path:
        """The history as a picture."""
        return self.path / "curves.png"

    @property
    def best(self) -> Path:
        """The model of the epoch with the best validation accuracy."""
        return self.path / "best.keras"

    @property
    def last(self) -> Path:
        """The model after the last complete epoch."""
        return self.path / "last.keras"

    @property
    def checkpoints(self) -> Path:
        """What to go on from, a folder for each checkpoint."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """Where the files for TensorBoard go."""
        return self.path / "tensorboard"

    @property
    def exports(self) -> Path:
        """Where exported models go, one folder a format."""
        return self.path / "export"

    def write_record(self, record: dict[str, Any]) -> None:
        """Writes `record.json`."""
        with written_whole(self.record) as path:
            path.write_text(json.dumps(record, indent=2) + "\n")

    def read_record(self) -> dict[str, Any]:
        """Reads `record.json`."""
        try:
            return json.loads(self.record.read_text())
        # A ValueError is JSON or UTF-8 that is none.
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.path} is not a run folder: its record.json cannot be read "
                f"({error})."
            ) from error

    def read_recipe(self) -> Recipe:
        """Reads the recipe out of `record.json`."""
        try:
            return recipe_from(self.read_record()["recipe"])
        except (KeyError, InputError) as error:
            raise InputError(
                f"{self.record} has no recipe that this version understands ({error})."
            ) from error

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Writes `history.csv`."""
        with written_whole(self.history) as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def read_history(self) -> list[dict[str, Any]]:
        """Reads `history.csv`; without one there is no epoch yet."""
        if not self.history.exists():
            return []
        with self.history.open(newline="") as file:
            rows = [
                {name: float(x) if x else None for name, x in row.items()}
                for row in csv.DictReader(file)
            ]
        return [{**row, "epoch": int(row["epoch"] or 0)} for row in rows]

    def write_model(self, model: keras.Model, path: Path) -> None:
        """Writes a model as one of the run's `.keras` files."""
        with written_whole(path) as whole:
            model.save(whole)

    def read_best(self) -> keras.Model:
        """Loads the best model, without compiling it."""
        if not self.best.exists():
            raise InputError(
                f"{self.path} has no best.keras: no epoch has been completed yet."
            )
        try:
            return keras.models.load_model(self.best, compile=False)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.best} cannot be loaded: {error}") from error


def open_run(path: str | os.PathLike) -> Run:
    """Opens the folder of a run that exists.

    Args:
        path: The folder.

    Returns:
        The run.

    Raises:
        InputError: If it is not the folder of a run.
    """
    run = Run(Path(path))
    if not run.record.is_file():
        raise InputError(
            f"{path} is not a run folder: it has no record.json. "
            "`keras-senet train` makes one."
        )
    return run


def check_new(path: str | os.PathLike, *, overwrite: bool, resume: bool) -> Run:
    """Checks that a run may be written to a folder; writes nothing.

    Args:
        path: The folder.
        overwrite: Whether an earlier run there is to be replaced.
        resume: Whether an earlier run there is to be continued.

    Returns:
        The run.

    Raises:
        InputError: If the folder exists and neither was asked for, or it holds
            something else than a run.
    """
    run = Run(Path(path))
    if resume:
        return open_run(path)
    existing = next(x for x in (run.path, *run.path.absolute().parents) if x.exists())
    if not existing.is_dir():
        raise InputError(f"{existing} is a file, so {path} cannot be a folder.")
    if not run.path.exists() and not run.path.is_symlink():
        return run
    if not overwrite:
        raise InputError(
            f"{path} exists already. Choose another --out, or --resume to continue "
            "that run, or --overwrite to replace it."
        )
    foreign = _foreign_entries(run)
    if run.path.is_symlink() or foreign:
        raise InputError(
            f"{path} is not a folder with nothing but a run in it "
            f"({', '.join(foreign) or 'it is a link'}), so it is not overwritten."
        )
    return run


def _foreign_entries(run: Run) -> list[str]:
    """What is in a folder but no file of a run, finished or not."""
    files = (
        run.record,
        run.history,
        run.curves,
        run.best,
        run.last,
        run.exports,
        run.checkpoints,
        run.tensorboard,
    )
    own = {file.name for file in files}
    return sorted(
        entry.name
        for entry in run.path.iterdir()
        # Hidden ones are files of ours that a killed run did not finish.
        if entry.name not in own
        and not any(entry.name.startswith(f".{name}-") for name in own)
    )


def remove_unfinished(run: Run) -> None:
    """Removes what a killed process had begun to write."""
    for folder in (run.path, run.checkpoints):
        for left in folder.glob(".*-*") if folder.is_dir() else ():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)


def clear(run: Run) -> None:
    """Removes what an earlier run left in the folder."""
    if run.path.exists():
        shutil.rmtree(run.path)
