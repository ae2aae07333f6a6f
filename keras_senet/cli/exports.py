"""The command that exports."""

import argparse
from pathlib import Path
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError

FORMATS = ("saved_model", "tflite", "onnx")
PRECISIONS = ("float32", "float16", "dynamic", "int8")


def add(commands: Commands) -> None:
    """Adds the command."""
    sub = commands.add(
        "export", export, "export a model in several formats, each proven equal"
    )
    sub.add_argument(
        "model",
        metavar="RUN_OR_MODEL",
        help="a run's folder, a .keras file, or a tag of `keras-senet weights list`",
    )
    sub.add_argument(
        "--format",
        nargs="+",
        choices=FORMATS,
        default=["saved_model"],
        help="what to write (saved_model)",
    )
    sub.add_argument(
        "--out", metavar="DIR", help="where to (the run's folder export/; ./export)"
    )
    sub.add_argument(
        "--precision",
        nargs="+",
        choices=PRECISIONS,
        default=["float32"],
        help="of TFLite and, but for dynamic, ONNX (float32)",
    )
    sub.add_argument(
        "--images",
        nargs="+",
        metavar="FILE",
        help="photographs to compare on and to find the ranges for int8 by, if it is "
        "no run",
    )
    sub.add_argument(
        "--uint8", action="store_true", help="let the files take images in uint8"
    )
    sub.add_argument(
        "--integer-io",
        action="store_true",
        help="let an int8 TFLite file take and give integers",
    )
    sub.add_argument(
        "--top", type=int, default=5, help="how many classes the server names (5)"
    )
    sub.add_argument(
        "--webp",
        action="store_true",
        help="let the server decode WebP, too; it must know the operation",
    )
    sub.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="largest difference of the logits over their deviation to accept "
        "(1e-4 for float32, 1e-2 for float16)",
    )
    sub.add_argument(
        "--least-agreement",
        type=float,
        metavar="SHARE",
        help="least share of images with the same top-1 class to accept (0.95 for "
        "dynamic and int8)",
    )
    sub.add_argument(
        "--overwrite", action="store_true", help="replace files of the same name"
    )


def export(options: argparse.Namespace) -> int | None:
    """Exports a run's best model, or any other one."""
    from keras_senet.export.bundle import Wanted

    wanted = Wanted(
        formats=tuple(dict.fromkeys(options.format)),
        precisions=tuple(dict.fromkeys(options.precision)),
        settings={
            "saved_model": {"top": options.top, "webp": options.webp},
            "tflite": {"integer_io": options.integer_io},
        },
        tolerance=options.tolerance,
        least_agreement=options.least_agreement,
        overwrite=options.overwrite,
    )
    if (Path(options.model) / "record.json").is_file():
        if options.images:
            raise InputError("A run is compared on its own test images, not --images.")
        return export_run(options.model, wanted, options.out, options.uint8)
    return _export_model(options, wanted)


def export_run(
    path: str, wanted: Any, out: str | None = None, uint8_input: bool = False
) -> int | None:
    """Exports a run's best model, and says how equal the files are.

    Args:
        path: The run's folder.
        wanted: What to write.
        out: Where to; `None` is the run's own folder.
        uint8_input: Whether the files take images in uint8.

    Returns:
        The exit code.
    """
    from keras_senet.export.subject import prepare
    from keras_senet.training.checks import check_backend
    from keras_senet.training.exports import exportable
    from keras_senet.training.run import open_run

    check_backend()
    run = open_run(path)
    has = exportable(run)
    subject = prepare(
        has.described, has.images, images_from=has.images_from, uint8_input=uint8_input
    )
    return _write(
        subject,
        Path(out) if out else run.exports,
        wanted,
        has.representative,
        test=has.test,
        facts=has.facts,
    )


def _export_model(options: argparse.Namespace, wanted: Any) -> int | None:
    import numpy as np

    from keras_senet.export.predicting import load_model, read_photograph
    from keras_senet.export.subject import describe, prepare
    from keras_senet.training.checks import check_backend

    check_backend()
    described = describe(load_model(options.model))
    images = images_from = None
    if options.images:
        prepared = described.description.preparation
        if prepared is None:
            raise InputError(
                f"{options.model} does not say how a photograph becomes its input, so "
                "--images cannot be used."
            )
        images = np.stack([read_photograph(x, prepared) for x in options.images])
        images_from = "--images"
    subject = prepare(
        described, images, images_from=images_from, uint8_input=options.uint8
    )
    return _write(subject, Path(options.out or "export"), wanted, subject.images)


def _write(
    subject: Any,
    folder: Path,
    wanted: Any,
    representative: Any,
    test: Any = None,
    facts: Any = None,
) -> int | None:
    """Writes the files, tells of each, and shows the table."""
    from keras_senet.export.bundle import export_all

    refused = []

    def told(outcome: Any) -> None:
        if isinstance(outcome, InputError):
            refused.append(outcome)

    for name in ("tflite", "onnx"):
        wanted.settings.setdefault(name, {})["representative"] = representative
    reports = export_all(subject, folder, wanted, test=test, facts=facts, told=told)
    if reports:
        _print_table(reports, folder)
    if refused:
        raise InputError(" ".join(str(error) for error in refused))
    return None


def _print_table(reports: Any, folder: Path) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from keras_senet.export.card import COLUMNS, rows

    table = Table("", box=SIMPLE, padding=(0, 1, 0, 0))
    for title in COLUMNS:
        table.add_column(title, justify="right")
    for row in rows(reports, folder):
        table.add_row(*row)
    Console().print(table)
    first = reports[0]
    print(
        f"Compared with the Keras model on {first.images} images "
        f"({first.images_from}): how much logits differ, over their deviation, and for "
        "how many the top-1 class is the same"
    )
    if first.accuracy_before is not None:
        print(f"Accuracy of the Keras model: {first.accuracy_before}")
    print(f"Written to {folder}, with labels, report.json and a card, README.md")
