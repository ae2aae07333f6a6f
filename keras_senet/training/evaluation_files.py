"""The files of an evaluation."""

import csv
import os
from pathlib import Path

from keras_senet.errors import InputError
from keras_senet.evaluation.confusion import plot_confusion
from keras_senet.files import written_whole
from keras_senet.training.evaluation import Evaluation

FILES = ("evaluation.json", "classes.csv", "confusion.png")


def check_folder(folder: str | os.PathLike) -> Path:
    """The folder, if the files can be written to it.

    Raises:
        InputError: If it, or a folder above it, is a file.
    """
    path = Path(folder)
    existing = next(x for x in (path, *path.absolute().parents) if x.exists())
    if not existing.is_dir():
        raise InputError(f"{existing} is a file, so {path} cannot be a folder.")
    return path


def write_evaluation(evaluation: Evaluation, folder: str | os.PathLike) -> None:
    """Writes an evaluation: all of it, a table of the classes, and a picture.

    Files of an earlier one are replaced.

    Args:
        evaluation: What was found.
        folder: Gets `evaluation.json`, `classes.csv` and `confusion.png`.

    Raises:
        InputError: If it cannot be a folder.
    """
    path = check_folder(folder)
    everything, classes, confusion = (path / name for name in FILES)
    with written_whole(everything) as whole:
        whole.write_text(evaluation.to_json() + "\n", encoding="utf-8")
    rows = evaluation.metrics.classes()
    with (
        written_whole(classes) as whole,
        whole.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    models = " and ".join(each["name"] for each in evaluation.models)
    data = evaluation.data
    title = f"{models} on {data['name']} ({data['split']})"
    plot_confusion(evaluation.metrics, title, confusion)
