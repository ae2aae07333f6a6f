"""The command that shows what SE does in a network, and whether it can go."""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError

DEFAULT = "explanation"


def add(commands: Commands) -> None:
    """Adds the command."""
    sub = commands.add(
        "explain",
        explain,
        "show what the gates do, by class or on a photograph, and which blocks can go",
    )
    sub.add_argument(
        "model",
        metavar="RUN_OR_MODEL",
        help="a run's folder, a .keras file, or a tag of `keras-senet weights list`",
    )
    sub.add_argument(
        "photographs",
        nargs="*",
        metavar="PHOTO",
        help="draw where the network looks on these, and their gates; without any, "
        "the gates by class over a data set",
    )
    sub.add_argument(
        "--data",
        metavar="DATA",
        help="as for `keras-senet evaluate` (the run's own)",
    )
    sub.add_argument(
        "--split", help="of the data (validation, and the advice is tried on the test)"
    )
    for name, metavar, kind, default, text in (
        ("--batch-size", "N", int, 64, "images at once (64)"),
        (
            "--may-lose",
            "POINTS",
            float,
            0.5,
            "how much top-1 accuracy the advice may cost, in percentage points (0.5)",
        ),
        ("--top", "K", int, 3, "classes of a photograph (3)"),
    ):
        sub.add_argument(name, metavar=metavar, type=kind, default=default, help=text)
    sub.add_argument(
        "--on-bad-image",
        choices=("raise", "skip"),
        help="as for `keras-senet evaluate`",
    )
    sub.add_argument(
        "--no-advice",
        action="store_true",
        help="only measure gates: do not take blocks out and measure again",
    )
    sub.add_argument(
        "--apply",
        metavar="FILE",
        help="follow the advice: write the model without these blocks (.keras)",
    )
    for name, text in (
        ("--blocks", "in the figures (the last of each stage and all of the last)"),
        ("--classes", "in the figures (the paper's four, or up to six)"),
    ):
        sub.add_argument(name, nargs="+", metavar="NAME", help=text)
    sub.add_argument(
        "--channels",
        metavar="N",
        default="50",
        help="in the figures, uniformly sampled, or all (50)",
    )
    sub.add_argument(
        "--out",
        metavar="DIR",
        help="where to (the run's folder explanation/; ./explanation)",
    )


def explain(options: argparse.Namespace) -> None:
    """Explains a model by a data set, or by photographs."""
    from keras_senet.training.checks import check_backend
    from keras_senet.training.evaluation_files import check_folder
    from keras_senet.training.opening import open_model

    _check(options)
    check_backend()
    opened = open_model(options.model)
    # What has no gates is told so before it is asked for images.
    opened.require_model()
    folder = Path(options.out or DEFAULT)
    if options.out is None and opened.run is not None:
        folder = opened.run.path / DEFAULT
    check_folder(folder)
    if options.photographs:
        _explain_photographs(options, opened, folder)
    else:
        _explain_data(options, opened, folder)


def _check(options: argparse.Namespace) -> None:
    from keras_senet.explanation.advice import check_points

    if options.photographs and (options.data or options.apply):
        raise InputError("Photographs are explained by themselves, without --data.")
    for name in ("batch_size", "top"):
        if getattr(options, name) < 1:
            option = name.replace("_", "-")
            raise InputError(
                f"--{option} should be at least 1. Received: {getattr(options, name)}"
            )
    is_number = options.channels.isdecimal() and int(options.channels) > 0
    if options.channels != "all" and not is_number:
        raise InputError(
            "--channels should be a number of at least 1, or all. "
            f"Received: {options.channels}"
        )
    # Before anything is measured.
    check_points(options.may_lose)
    if options.apply is None:
        return
    if options.no_advice:
        raise InputError("--apply wants the advice: leave out --no-advice.")
    if Path(options.apply).suffix != ".keras":
        raise InputError(f"--apply writes a .keras file. Received: {options.apply}")


def _explain_data(options: argparse.Namespace, opened: Any, folder: Path) -> None:
    from keras_senet.explanation.explaining import Shown, write_explanation
    from keras_senet.training.explained import explain_model

    channels = None if options.channels == "all" else int(options.channels)
    shown = Shown(blocks=options.blocks, classes=options.classes, channels=channels)
    with measuring() as told:
        found = explain_model(
            opened,
            options.data,
            options.split,
            batch_size=options.batch_size,
            shown=shown,
            with_advice=not options.no_advice,
            may_lose=options.may_lose,
            on_bad_image=options.on_bad_image,
            told=told,
        )
    write_explanation(found, folder, shown)
    _print_explanation(found.to_dict())
    _apply(options.apply, opened.require_model(), found)
    print(f"Written to {folder}: explanation.json, gates.csv, gates.npz, and figures")


def _apply(target: str | None, model: Any, found: Any) -> None:
    """Writes the model without the blocks that can go."""
    from keras_senet.explanation.explaining import apply_advice
    from keras_senet.files import written_whole

    if target is None:
        return
    if found.advice.together is None:
        raise InputError(
            f"{target} was not written: no block can be made constant for at most "
            f"{found.advice.may_lose:g} points."
        )
    with written_whole(target) as path:
        apply_advice(model, found).save(path)
    print(f"{target} is the model with these gates constant")


@contextlib.contextmanager
def measuring() -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is being measured."""
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield lambda text: status.update(f"Measuring: {text}")


def _print_explanation(told: dict[str, Any]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from keras_senet.explanation.telling import (
        BLOCK_TITLES,
        COST_TEXT,
        COST_TITLES,
        advice_texts,
        block_rows,
        cost_rows,
        gates_texts,
    )

    def shown(titles: Any, rows: Any) -> None:
        table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
        # Names are what --blocks takes, so that none may be cut.
        table.add_column(titles[0], overflow="fold")
        for title in titles[1:]:
            table.add_column(title, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print(table)

    console = Console(highlight=False)
    shown(BLOCK_TITLES, block_rows(told))
    texts = gates_texts(told)
    if told["advice"] is not None:
        shown(COST_TITLES, cost_rows(told))
        texts += [COST_TEXT, *advice_texts(told)]
    if told["bad_images"]:
        texts.append(f"Left out as bad: {', '.join(told['bad_images'])}")
    for text in texts:
        console.print(text, soft_wrap=True, markup=False)


def _targets(photographs: list[str], folder: Path) -> list[Path]:
    """A file for each photograph, also for those of one name in several folders."""
    from keras_senet.layers.gates import numbered

    # The figures of a data set stay as they are.
    taken = ["gates", "within", "saturation"]
    for file in photographs:
        taken.append(numbered(Path(file).stem, taken))
    return [folder / f"{name}.png" for name in taken[3:]]


def _explain_photographs(
    options: argparse.Namespace, opened: Any, folder: Path
) -> None:
    from keras_senet.training.explained import explain_photograph

    targets = _targets(options.photographs, folder)
    for file, target in zip(options.photographs, targets, strict=True):
        guesses = explain_photograph(
            opened,
            file,
            target,
            top=options.top,
            blocks=options.blocks,
            reference=folder / "gates.npz",
        )
        named = ", ".join(f"{x.name} {x.probability:.4f}" for x in guesses)
        print(f"{file}: {named}; drawn in {target}")
