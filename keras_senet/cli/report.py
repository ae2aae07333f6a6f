"""The command that makes a page of a run."""

import argparse
from pathlib import Path

from keras_senet.cli.commands import Commands
from keras_senet.cli.explain import measuring
from keras_senet.errors import InputError


def add(commands: Commands) -> None:
    """Adds the command."""
    sub = commands.add(
        "report",
        report,
        "make one HTML file of a run: curves, accuracy, mistakes, gates and exports",
    )
    sub.add_argument(
        "model",
        metavar="RUN_OR_MODEL",
        help="a run's folder, or anything that `keras-senet evaluate` takes",
    )
    sub.add_argument(
        "--data",
        metavar="DATA",
        help="as for `keras-senet evaluate` (the run's own)",
    )
    sub.add_argument("--split", metavar="S", help="as for `keras-senet evaluate`")
    sub.add_argument(
        "--on-bad-image",
        choices=("raise", "skip"),
        help="as for `keras-senet evaluate`",
    )
    sub.add_argument(
        "--mistakes",
        type=int,
        default=12,
        metavar="N",
        help="how many of the worst mistakes to show (12)",
    )
    sub.add_argument(
        "--no-advice",
        action="store_true",
        help="leave out which blocks can go, for which each is taken out by itself "
        "and everything measured again",
    )
    sub.add_argument(
        "--may-lose",
        type=float,
        default=0.5,
        metavar="POINTS",
        help="as for `keras-senet explain` (0.5)",
    )
    sub.add_argument(
        "--out", metavar="DIR", help="where to (the run's folder report/; ./report)"
    )


def report(options: argparse.Namespace) -> None:
    """Writes the report of a model."""
    from keras_senet.explanation.advice import check_points
    from keras_senet.reporting.contents import make_report, write_report
    from keras_senet.training.checks import check_backend
    from keras_senet.training.evaluation_files import check_folder
    from keras_senet.training.opening import open_model

    if options.mistakes < 0:
        raise InputError(
            f"--mistakes should be at least 0. Received: {options.mistakes}"
        )
    check_points(options.may_lose)
    check_backend()
    opened = open_model(options.model)
    folder = Path(options.out or "report")
    if options.out is None and opened.run is not None:
        folder = opened.run.path / "report"
    check_folder(folder)
    with measuring() as told:
        found = make_report(
            opened,
            options.data,
            options.split,
            mistakes=options.mistakes,
            with_advice=not options.no_advice,
            may_lose=options.may_lose,
            on_bad_image=options.on_bad_image,
            told=told,
        )
    write_report(found, folder)
    print(f"{found.numbers['evaluation']['how']}")
    metrics = found.numbers["evaluation"]["metrics"]
    print(f"Top-1 {metrics['top1']} of {metrics['count']}, top-5 {metrics['top5']}")
    print(f"Open {folder / 'report.html'} in a browser; report.json has its numbers")
