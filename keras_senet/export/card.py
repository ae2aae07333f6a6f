"""What is written beside exported files: labels, reports, and a model card."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from keras_senet.errors import InputError
from keras_senet.evaluation.accuracy import Accuracy
from keras_senet.export.description import Description
from keras_senet.export.report import Report
from keras_senet.files import written_whole

# Of the difference: of logits, over their standard deviation. Of times: one call with
# one image, and with eight, in milliseconds.
COLUMNS = ("MB", "differs", "top-1", "accuracy", "ms", "ms, 8", "ops")


def rows(reports: Iterable[Report], folder: Path) -> list[list[str]]:
    """The reports as rows of text.

    Args:
        reports: The reports.
        folder: Paths are told as they are seen from here.

    Returns:
        For each report its file and the values of `COLUMNS`.
    """
    return [
        [
            report.path.relative_to(folder).as_posix(),
            f"{report.bytes / 1e6:.2f}",
            f"{report.relative_difference:.1e}",
            "-" if report.top1_agreement is None else f"{report.top1_agreement:.1%}",
            "-" if report.accuracy_after is None else _short(report.accuracy_after),
            *(f"{x.median:.1f}" for x in report.latency),
            str(sum(report.operations.values())),
        ]
        for report in reports
    ]


def write_beside(
    folder: Path,
    description: Description,
    reports: Iterable[Report],
    facts: dict[str, Any],
) -> None:
    """Writes `labels.txt`, `report.json` and the card `README.md`.

    Reports of files that an earlier export left there, and that are still there, stay.

    Args:
        folder: Where the files are.
        description: What the files say of themselves.
        reports: Of the new files.
        facts: What is known of data, recipe and metrics.
    """
    new = {x.path.relative_to(folder).as_posix(): x.to_dict() for x in reports}
    kept = {
        name: told
        for name, told in _earlier(folder).get("files", {}).items()
        if name not in new and (folder / name).exists()
    }
    told = {
        "description": asdict(description),
        "facts": facts,
        "files": {**kept, **new},
    }
    with written_whole(folder / "report.json") as path:
        text = json.dumps(told, indent=2, default=str) + "\n"
        path.write_text(text, encoding="utf-8")
    if description.class_names is not None:
        with written_whole(folder / "labels.txt") as path:
            lines = [f"{name}\n" for name in description.class_names]
            path.write_text("".join(lines), encoding="utf-8")
    with written_whole(folder / "README.md") as path:
        path.write_text(card(description, told["files"], facts), encoding="utf-8")


def card(description: Description, files: dict[str, Any], facts: dict[str, Any]) -> str:
    """The model card, Markdown."""
    names = description.class_names
    prepared = description.preparation
    lines = [f"# {description.name}", ""]
    lines += [
        f"- Input: `{description.input}`, {_shape(description.shape)}; "
        f"{description.pixels}",
        f"- Output: `{description.output}`"
        + (f", {len(names)} classes (labels.txt)" if names else ""),
        f"- Weights: {_weights(description)}; license: "
        f"{description.license or 'not known'}",
    ]
    if prepared is not None:
        lines.append(
            f"- A photograph: shorter side resized to {prepared.shorter} pixels "
            f"({prepared.interpolation}, antialiased), {prepared.size} x "
            f"{prepared.size} cut out of the center"
        )
    lines += ["", "## Files", "", *_file_table(files), ""]
    for title, fact in facts.items():
        text = json.dumps(fact, indent=2, default=str)
        lines += [f"## {title.capitalize()}", "", "```json", text, "```", ""]
    return "\n".join(lines)


def _file_table(files: dict[str, Any]) -> list[str]:
    """Each file's proof: how equal it is, to what, in what runtime."""
    head = (
        "file",
        "precision",
        "bytes",
        "runtime",
        "difference / deviation of logits",
        "same top-1",
        "accuracy before",
        "after",
        "ms at batch 1 and 8 (median)",
    )
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, told in files.items():
        same = told["top1_agreement"]
        cells = [
            name,
            told["precision"],
            f"{told['bytes']:,}",
            told["runtime"],
            f"{told['relative_difference']:.1e}",
            "-" if same is None else f"{same:.1%}",
            *(_share(told[key]) for key in ("accuracy_before", "accuracy_after")),
            ", ".join(f"{x['median']:.1f}" for x in told["latency"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    shown = [f"{x['images']} images ({x['images_from']})" for x in files.values()]
    return [*lines, "", f"Compared on {', '.join(dict.fromkeys(shown))}."]


def _share(counted: dict[str, Any] | None) -> str:
    if counted is None:
        return "-"
    right, count = counted["top1"], counted["count"]
    return f"{right / count:.4f} ({right} of {count})"


def _short(counted: Accuracy) -> str:
    return f"{counted.accuracy:.4f}"


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("any" if side is None else str(side) for side in shape)


def _weights(description: Description) -> str:
    told = ", ".join(f"{key} {value}" for key, value in description.origin.items())
    return told or "not known where from"


def check_same_model(folder: Path, description: Description) -> None:
    """Refuses a folder with files of another model, whose labels would be lost.

    Raises:
        InputError: If there are such files.
    """
    told = _earlier(folder).get("description")
    if told is None:
        return
    new = json.loads(description.to_json())
    if any(told.get(key) != new[key] for key in ("name", "class_names", "shape")):
        raise InputError(
            f"{folder} has files of another model, {told.get('name')}, or of one with "
            "other classes. Choose another folder."
        )


def _earlier(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return told if isinstance(told["files"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
