"""The command that puts runs side by side."""

import argparse
import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

from keras_senet.cli.commands import Commands

if TYPE_CHECKING:
    from keras_senet.training.comparison import Summary

# What is left out first where a terminal is too narrow for all.
DISPENSABLE = ("time", "img/s", "params", "best", "data", "network", "r")


def add(commands: Commands) -> None:
    """Adds the command."""
    sub = commands.add("runs", compare, "put runs side by side")
    sub.add_argument(
        "folders",
        nargs="*",
        metavar="DIR",
        default=["runs"],
        help="runs, or folders with runs in them (runs)",
    )
    sub.add_argument("--plot", metavar="FILE", help="draw their curves, PNG")
    sub.add_argument(
        "--sort", metavar="COLUMN", help="as in --json, such as test_accuracy (path)"
    )
    sub.add_argument("--json", action="store_true", help="print all that is known")


def compare(options: argparse.Namespace) -> None:
    """Prints a table of runs, or JSON, and perhaps draws them."""
    from keras_senet.training.comparison import (
        find_runs,
        ordered,
        plot_runs,
        summarize,
    )

    summaries = [summarize(run) for run in find_runs(options.folders)]
    summaries = ordered(summaries, options.sort or "path")
    names = [_name(summary.path, options.folders) for summary in summaries]
    if options.plot:
        plot_runs(summaries, names, options.plot)
    if options.json:
        print(json.dumps([_as_json(summary) for summary in summaries], indent=2))
        return
    if not summaries:
        print(f"There are no runs in {', '.join(options.folders)}")
        return
    _print_table(summaries, names)
    if options.plot:
        print(f"Drawn in {options.plot}")


def _as_json(summary: "Summary") -> dict[str, Any]:
    known = dataclasses.asdict(summary)
    del known["rows"]
    return known


def _name(path: str, folders: list[str]) -> str:
    """The path within the folder, where only one was given."""
    if len(folders) > 1:
        return path
    name = os.path.relpath(path, folders[0])
    return os.path.basename(os.path.abspath(path)) if name == "." else name


def _print_table(summaries: "list[Summary]", names: list[str]) -> None:
    from rich.console import Console

    cells = [
        {"run": name, **_cells(summary)}
        for name, summary in zip(names, summaries, strict=True)
    ]
    columns, console = list(cells[0]), Console()
    common = []
    known = [row for row in cells if row["status"] != "broken"]
    if len(known) > 1:
        # A column that says the same of all is a line.
        for name in ("network", "r", "data"):
            values = {row[name] for row in known}
            if len(values) == 1 and values != {"-"}:
                columns.remove(name)
                common.append(f"{name} {values.pop()}")
    hidden = []
    for name in DISPENSABLE:
        if _width(columns, cells, console) <= console.width:
            break
        if name in columns:
            columns.remove(name)
            hidden.append(name)
    if common:
        print(f"All runs: {', '.join(common)}")
    console.print(_table(columns, cells))
    for name, summary in zip(names, summaries, strict=True):
        if summary.problem:
            print(f"{name}: {summary.problem}")
    if hidden:
        print(f"Too wide for this terminal: {', '.join(hidden)}; see --json")


def _width(columns: list[str], cells: list[dict[str, str]], console: Any) -> int:
    from rich.measure import Measurement

    # Of as many characters as there may be, not of those that fit.
    options = console.options.update(width=10_000)
    return Measurement.get(console, options, _table(columns, cells)).maximum


def _table(columns: list[str], cells: list[dict[str, str]]) -> Any:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in columns:
        text = name in ("run", "network", "data", "status")
        table.add_column(
            name,
            justify="left" if text else "right",
            no_wrap=name != "run",
            overflow="fold",
        )
    for row in cells:
        # Names may hold brackets, which are no markup.
        table.add_row(*(Text(row[name]) for name in columns))
    return table


def _cells(summary: "Summary") -> dict[str, str]:
    def number(value: Any, form: str) -> str:
        return format(value, form) if isinstance(value, int | float) else "-"

    done, epochs = summary.epochs_done, summary.epochs
    return {
        "network": str(summary.network or "-"),
        "r": "-" if summary.reduction is None else str(summary.reduction),
        "data": os.path.basename(os.path.normpath(str(summary.data or "-"))),
        "status": summary.status,
        "epochs": f"{number(done, '.0f')}/{number(epochs, '.0f')}",
        "best": number(summary.best_epoch, ".0f"),
        "val": number(summary.val_accuracy, ".4f"),
        "test": number(summary.test_accuracy, ".4f"),
        "params": _count(summary.parameters),
        "img/s": number(summary.images_per_second, ".0f"),
        "time": _duration(summary.seconds),
    }


def _count(parameters: Any) -> str:
    if not isinstance(parameters, int):
        return "-"
    if parameters >= 1e6:
        return f"{parameters / 1e6:.1f} M"
    return f"{parameters / 1e3:.0f} k"


def _duration(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
