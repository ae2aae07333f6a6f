"""What a report is made of: measured now, or read from the files of the run."""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.data.images import Images, Order
from keras_senet.data.measured import Labelled
from keras_senet.errors import InputError
from keras_senet.evaluation.confusion import plot_confusion
from keras_senet.explanation.explaining import Explanation, draw_figures
from keras_senet.files import written_whole
from keras_senet.layers import SqueezeExcite
from keras_senet.models.graph import leaves
from keras_senet.reporting.calibration import draw_calibration
from keras_senet.reporting.page import embedded, embedded_bytes, write_page
from keras_senet.reporting.sections import page_of
from keras_senet.training.checks import flat
from keras_senet.training.curves import plot_curves
from keras_senet.training.evaluation import Evaluation, evaluate, json_text
from keras_senet.training.explained import explain_model
from keras_senet.training.opening import Opened, images_of
from keras_senet.training.record import versions
from keras_senet.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report before it is written.

    Attributes:
        numbers: All numbers and names, as values of JSON.
        pictures: `data:` addresses of the pictures, by name.
        mistakes: Those of the images of the worst mistakes.
    """

    numbers: dict[str, Any]
    pictures: dict[str, str]
    mistakes: list[str]


def make_report(
    opened: Opened,
    data: str | None = None,
    split: str | None = None,
    *,
    mistakes: int = 12,
    with_advice: bool = True,
    may_lose: float = 0.5,
    on_bad_image: str | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Report:
    """Measures a model and reads what is known of it.

    Args:
        opened: A run, or any model that answers with classes.
        data: As for `open_labelled`; `None` takes the run's own.
        split: Of the data; `None` is as for `evaluate`, and as for `explain`.
        mistakes: How many of the worst mistakes are shown.
        with_advice: Whether to take blocks out and measure again.
        may_lose: How much accuracy the advice may cost, in percentage points.
        on_bad_image: `"raise"` or `"skip"`; `None` is as in the run, or to raise.
        told: Is called with a few words before each step.

    Returns:
        The report.

    Raises:
        InputError: If the model cannot be measured on these data.
    """
    # Read before anything is measured, since files can be damaged.
    run, exports = (opened.run and read(opened.run) for read in (_run, _exports))
    told("accuracy")
    labelled = images_of(opened, data, split)
    evaluation = evaluate(
        [opened], labelled, on_bad_image=on_bad_image, mistakes=mistakes
    )
    explanation = None
    if _has_gates(opened):
        explanation = explain_model(
            opened,
            data,
            split,
            with_advice=with_advice,
            may_lose=may_lose,
            on_bad_image=on_bad_image,
            told=told,
        )
    numbers = {
        "title": _title(opened),
        "model": _model(opened),
        "run": run,
        "evaluation": {**evaluation.to_dict(), "how": evaluation.how},
        "mistakes": _mistakes(evaluation, labelled),
        "explanation": explanation and explanation.to_dict(),
        "exports": exports,
        "versions": versions(),
    }
    return Report(
        numbers=numbers,
        pictures=_pictures(numbers, evaluation, explanation),
        mistakes=[_png(each.image) for each in evaluation.mistakes],
    )


def write_report(report: Report, folder: Path) -> None:
    """Writes `report.html`, which needs no other file, and its numbers as JSON.

    Args:
        report: What was found.
        folder: Where to.
    """
    with written_whole(folder / "report.json") as path:
        path.write_text(json_text(report.numbers) + "\n", encoding="utf-8")
    page = page_of(report.numbers, report.pictures, report.mistakes)
    write_page(page, folder / "report.html")


def _has_gates(opened: Opened) -> bool:
    if opened.model is None:
        return False
    return any(isinstance(x, SqueezeExcite) for x in leaves(opened.model))


def _title(opened: Opened) -> str:
    told = opened.predictor.description
    return opened.run.path.resolve().name if opened.run is not None else told.name


def _model(opened: Opened) -> dict[str, Any]:
    told = opened.predictor.description
    return {
        "name": told.name,
        "file": opened.name,
        "parameters": None if opened.model is None else opened.model.count_params(),
        "input": list(told.shape),
        "class_names": told.class_names and list(told.class_names),
    }


def _run(run: Run) -> dict[str, Any]:
    record = run.read_record()
    names = ("status", "best_epoch", "seconds", "metrics", "versions", "distribution")
    return {
        **{name: record.get(name) for name in names},
        "data": {k: v for k, v in record["data"].items() if k != "class_names"},
        "recipe": flat(record["recipe"]),
        "history": run.read_history(),
    }


def _exports(run: Run) -> dict[str, Any] | None:
    path = run.exports / "report.json"
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))["files"]
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}).") from error


def _mistakes(evaluation: Evaluation, labelled: Labelled) -> list[dict[str, Any]]:
    names = evaluation.class_names
    return [
        {
            "name": _name(labelled.images, each.index),
            "label": names[each.label],
            "predicted": names[each.predicted],
            "probability": each.probability,
            "label_probability": each.label_probability,
        }
        for each in evaluation.mistakes
    ]


def _name(images: Images, index: int) -> str:
    """What an image is called, by its place in the order of the data."""
    order = Order()
    (reference,) = images.references(order).skip(index).take(1)
    return images.fetch(order, reference).name.numpy().decode(errors="replace")


def _pictures(
    numbers: dict[str, Any], evaluation: Evaluation, explanation: Explanation | None
) -> dict[str, str]:
    """Draws everything in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plot_confusion(evaluation.metrics, "", folder / "confusion.png")
        bins = numbers["evaluation"]["metrics"]["calibration"]["bins"]
        draw_calibration(bins, folder / "calibration.png")
        if numbers["run"] and numbers["run"]["history"]:
            plot_curves(numbers["run"]["history"], "", folder / "curves.png")
        if explanation is not None:
            draw_figures(explanation, folder)
        return {path.stem: embedded(path) for path in sorted(folder.glob("*.png"))}


def _png(image: np.ndarray) -> str:
    file = io.BytesIO()
    keras.utils.array_to_img(image, scale=False).save(file, "PNG")
    return embedded_bytes(file.getvalue())
