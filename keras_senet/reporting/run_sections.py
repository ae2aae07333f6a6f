"""The sections of a report that come from the files of the run."""

from collections.abc import Mapping
from typing import Any

from keras_senet.explanation.telling import percent
from keras_senet.reporting.page import Grid, Section
from keras_senet.reporting.pictures import shown
from keras_senet.training.checks import flat


def training(run: Mapping[str, Any] | None, pictures: Mapping[str, str]) -> Any:
    """Curves and epochs; `None` if it is no run.

    Args:
        run: As in `report.json`.
        pictures: `data:` addresses by name.

    Returns:
        The section.
    """
    if run is None:
        return None
    rows = run["history"]
    names = list(rows[0]) if rows else []
    table = Grid(
        titles=[name.replace("_", " ") for name in names],
        rows=[[_plain(row[name]) for name in names] for row in rows],
        caption="All epochs",
        folded=True,
    )
    return Section(
        anchor="training",
        title="Training",
        texts=[_progress(run)],
        figures=shown(pictures, "curves"),
        tables=[table] if rows else [],
    )


def _progress(run: Mapping[str, Any]) -> str:
    """How far the training has come, in a sentence."""
    done = len(run["history"])
    if run["status"] != "finished":
        return f"{done} epochs so far; the run is {run['status']}."
    return (
        f"{done} epochs in {run['seconds']:,.0f} seconds; number {run['best_epoch']} "
        "is the best, and all that follows is of it."
    )


def exports(exports: Mapping[str, Any] | None) -> Any:
    """The exported files and their proof; `None` if there are none."""
    if not exports:
        return None
    table = Grid(
        titles=(
            "file",
            "precision",
            "bytes",
            "logits differ by",
            "same top-1",
            "accuracy",
            "ms, batch 1",
            "ms, batch 8",
        ),
        rows=[_file_row(name, each) for name, each in exports.items()],
    )
    return Section(
        anchor="exports",
        title="Exported files",
        texts=[
            "Each file was loaded by its own runtime in a fresh process and compared "
            "with the Keras model: the largest difference of logits is given over "
            "their standard deviation, times are medians."
        ],
        tables=[table],
    )


def _file_row(name: str, file: Mapping[str, Any]) -> tuple[str, ...]:
    after = file["accuracy_after"]
    times = {each["batch"]: f"{each['median']:.2f}" for each in file["latency"]}
    return (
        name,
        file["precision"],
        f"{file['bytes']:,}",
        f"{file['relative_difference']:.1e}",
        percent(file["top1_agreement"]),
        "-" if after is None else percent(after["top1"] / after["count"]),
        *(times.get(batch, "-") for batch in (1, 8)),
    )


def setup(report: Mapping[str, Any]) -> Section:
    """Network, recipe and versions."""
    facts = [("network", report["model"]["name"])]
    run = report.get("run")
    if run:
        # What is not set has a default, which the data say.
        told = {x: value for x, value in run["recipe"].items() if value is not None}
        told |= {f"images: {name}": x for name, x in flat(run["data"]).items()}
        facts += [(name, _plain(value)) for name, value in told.items()]
    facts += [(name, text) for name, text in report["versions"].items()]
    return Section(anchor="setup", title="How it was made", facts=facts)


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
