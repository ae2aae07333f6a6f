"""Several formats of one model in one folder, with a card."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_senet.errors import InputError
from keras_senet.evaluation.accuracy import Accuracy, measure
from keras_senet.export.card import check_same_model, write_beside
from keras_senet.export.exporting import (
    FORMATS,
    Test,
    check_installed,
    check_place,
    export,
)
from keras_senet.export.report import Report
from keras_senet.export.saved_model import next_version
from keras_senet.export.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to write.

    Attributes:
        formats: Keys of `FORMATS`.
        precisions: Each format is written in those that it has.
        settings: For each format, settings of its writer.
        tolerance: Instead of the one of `LIMITS`, for float32 and float16.
        least_agreement: Instead of the one of `LIMITS`.
        overwrite: Whether files may be replaced.
    """

    formats: tuple[str, ...]
    precisions: tuple[str, ...] = ("float32",)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    tolerance: float | None = None
    least_agreement: float | None = None
    overwrite: bool = False


def places(folder: Path, wanted: Wanted) -> list[tuple[str, str, Path]]:
    """Decides which file goes where; nothing is written.

    Args:
        folder: Of all files.
        wanted: What to write.

    Returns:
        Format, precision and path of each file.

    Raises:
        InputError: If a format has none of the precisions, or something is there.
    """
    found = []
    for name in wanted.formats:
        kind = FORMATS[name]
        common = [x for x in wanted.precisions if x in kind.precisions]
        if not common:
            raise InputError(
                f"{kind.title} is written in {', '.join(kind.precisions)}. "
                f"Received: {', '.join(wanted.precisions)}"
            )
        check_installed(name)
        for precision in common:
            path = folder / f"model{_infix(precision)}{kind.suffix}"
            if name == "saved_model":
                path = folder / name / str(next_version(folder / name))
            check_place(path, wanted.overwrite)
            found.append((name, precision, path))
    return found


def export_all(
    subject: Subject,
    folder: str | Path,
    wanted: Wanted,
    *,
    test: Test | None = None,
    facts: dict[str, Any] | None = None,
    told: Callable[[Report | InputError], None] = lambda outcome: None,
) -> list[Report]:
    """Writes and proves several files, and what is said about them.

    A file that is refused is told and left out; the others are written.

    Args:
        subject: What `prepare` made of the model.
        folder: Where the files go.
        wanted: What to write.
        test: Gives the test images, if accuracy is to be measured.
        facts: What is known of data, recipe and metrics, for the card.
        told: Is called with each report, or with the error that refused a file.

    Returns:
        The reports.

    Raises:
        InputError: If something is in the way; before anything is written.
    """
    folder = Path(folder)
    check_same_model(folder, subject.description)
    planned = places(folder, wanted)
    before = None if test is None else _measured(subject, test)
    reports = []
    for name, precision, path in planned:
        exact = precision in ("float32", "float16")
        try:
            report = export(
                subject,
                name,
                path,
                precision=precision,
                tolerance=wanted.tolerance if exact else None,
                least_agreement=wanted.least_agreement,
                test=test,
                accuracy_before=before,
                overwrite=wanted.overwrite,
                **wanted.settings.get(name, {}),
            )
        except InputError as error:
            told(error)
            continue
        told(report)
        reports.append(report)
    if reports:
        write_beside(folder, subject.description, reports, facts or {})
    return reports


def _measured(subject: Subject, test: Test) -> Accuracy:
    try:
        return measure(subject.predict, test())
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{subject.description.name}: {error}") from error


def _infix(precision: str) -> str:
    return "" if precision == "float32" else f"-{precision}"
