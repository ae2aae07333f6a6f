"""What is known of many runs, side by side."""

import os
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from keras_senet.errors import InputError, near_matches
from keras_senet.files import written_whole
from keras_senet.training.curves import PANELS
from keras_senet.training.outcome import best_row
from keras_senet.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A run in a row; `None` is what its files do not say.

    Attributes:
        path: The folder.
        status: As recorded, or `"broken"`.
        problem: What could not be read, if anything.
        network: Name of the network.
        reduction: The reduction ratio; `"none"` is without SE.
        data: Name of the data.
        epochs_done: Epochs in the history.
        epochs: Epochs in the recipe.
        best_epoch: The epoch of the best model.
        val_accuracy: Validation accuracy of that epoch.
        test_accuracy: Test accuracy of the best model.
        parameters: Of the network.
        images_per_second: Of the training, the median over the epochs.
        seconds: That the run took, or its epochs until now.
        rows: The history.
    """

    path: str
    status: str
    problem: str | None = None
    network: str | None = None
    reduction: int | str | None = None
    data: str | None = None
    epochs_done: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    val_accuracy: float | None = None
    test_accuracy: float | None = None
    parameters: int | None = None
    images_per_second: float | None = None
    seconds: float | None = None
    rows: list[dict[str, float]] = field(default_factory=list, repr=False)


COLUMNS = tuple(x.name for x in fields(Summary) if x.name != "rows")


def find_runs(folders: Iterable[str | os.PathLike]) -> list[Run]:
    """Finds all runs in some folders.

    Args:
        folders: Runs, or folders with runs in them at any depth.

    Returns:
        The runs, each once, in the order of the folders and of their paths.

    Raises:
        InputError: If one of them is no folder.
    """
    found: dict[Path, Run] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder.")
        for run in _walk(folder):
            found.setdefault(run.path.resolve(), run)
    return list(found.values())


def _walk(folder: Path) -> Iterator[Run]:
    for path, folders, files in os.walk(folder):
        # Hidden ones are what a killed run left half-written.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        run = Run(Path(path))
        if run.record.name in files:
            folders.clear()
            yield run


def summarize(run: Run) -> Summary:
    """Reads what a run has written, however far it has come.

    Args:
        run: The folder.

    Returns:
        The row; what is wrong with a file is in it and no error.
    """
    path = str(run.path)
    try:
        record: Any = run.read_record()
        history, problem = run.read_history(), None
    except (InputError, OSError) as error:
        return Summary(path=path, status="broken", problem=str(error))
    except (ValueError, KeyError, TypeError) as error:
        history, problem = [], f"{run.history.name} cannot be read ({error!r})"
    best = _best(history, record)
    return Summary(
        path=path,
        status=str(_value(record, "status") or "broken"),
        problem=problem,
        network=_value(record, "recipe", "model", "name"),
        reduction=_reduction(record),
        data=_value(record, "recipe", "data", "name"),
        epochs_done=None if problem else len(history),
        epochs=_value(record, "recipe", "schedule", "epochs"),
        best_epoch=best.get("epoch"),
        val_accuracy=best.get("val_accuracy"),
        test_accuracy=_value(record, "metrics", "test", "accuracy"),
        parameters=_value(record, "model", "parameters"),
        images_per_second=_median(history, "images_per_second"),
        seconds=_sum(history, "seconds") or _value(record, "seconds"),
        rows=history,
    )


def _value(record: Any, *names: str) -> Any:
    """What stands in nested dictionaries, or `None`."""
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return None if isinstance(record, dict | list) else record


def _reduction(record: Any) -> int | str | None:
    recipe = record.get("recipe") if isinstance(record, dict) else None
    model = recipe.get("model") if isinstance(recipe, dict) else None
    if not isinstance(model, dict) or "reduction" not in model:
        return None
    return "none" if model["reduction"] is None else model["reduction"]


def _best(rows: list[dict[str, Any]], record: Any) -> dict[str, Any]:
    """The best epoch, by what the recipe says it is best by."""
    by = _value(record, "recipe", "evaluation", "best") or "accuracy"
    known = [row for row in rows if row.get(f"val_{by}") is not None]
    return best_row(known, by) if known else {}


def _numbers(rows: list[dict[str, float]], name: str) -> list[float]:
    return [row[name] for row in rows if row.get(name) is not None]


def _median(rows: list[dict[str, float]], name: str) -> float | None:
    known = _numbers(rows, name)
    return statistics.median(known) if known else None


def _sum(rows: list[dict[str, float]], name: str) -> float | None:
    return sum(_numbers(rows, name)) or None


def ordered(summaries: list[Summary], column: str) -> list[Summary]:
    """Orders runs by a column: the largest number first, but text from A.

    Args:
        summaries: The runs.
        column: One of `COLUMNS`.

    Returns:
        The runs, with those at the end that have nothing there.

    Raises:
        InputError: If there is no such column.
    """
    if column not in COLUMNS:
        raise InputError(
            f"There is no column {column!r}. {near_matches(column, COLUMNS)}"
        )

    def rank(summary: Summary) -> tuple[int, float, str]:
        value = getattr(summary, column)
        if value is None:
            return 2, 0.0, ""
        return (1, 0.0, value) if isinstance(value, str) else (0, -value, "")

    return sorted(summaries, key=rank)


def plot_runs(
    summaries: list[Summary], names: list[str], target: str | os.PathLike
) -> None:
    """Draws validation accuracy and cross entropy of runs over their epochs.

    Args:
        summaries: The runs; those without an epoch are left out.
        names: What the legend says of each.
        target: The PNG file to write.

    Raises:
        InputError: If no run has an epoch yet.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    drawn = [x for x in zip(summaries, names, strict=True) if x[0].rows]
    if not drawn:
        raise InputError("No run has completed an epoch, so there is nothing to plot.")
    # So that the legend, in two columns, takes nothing from the panels.
    lines = -(-len(drawn) // 2)
    figure = Figure(figsize=(10, 4 + 0.2 * lines), layout="constrained")
    colors = colormaps["tab10"].colors  # type: ignore[attr-defined]
    for axes, (metric, label) in zip(figure.subplots(1, 2), PANELS, strict=True):
        for index, (summary, name) in enumerate(drawn):
            known = f"val_{metric}"
            rows = [row for row in summary.rows if row.get(known) is not None]
            axes.plot(
                [row["epoch"] for row in rows],
                [row[known] for row in rows],
                color=colors[index % len(colors)],
                linestyle=("-", "--", ":", "-.")[index // len(colors) % 4],
                marker=".",
                label=name,
            )
        axes.set(xlabel="Epoch", ylabel=f"Validation {label[0].lower()}{label[1:]}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    with written_whole(target) as path:
        figure.savefig(path, dpi=120, format="png")
