"""The command about the tables of the papers: reproduce."""

import argparse
import os
from pathlib import Path
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError


def add(commands: Commands) -> None:
    """Adds the command."""
    sub = commands.add(
        "reproduce", reproduce, "run a table of the papers, without and with SE"
    )
    sub.add_argument(
        "table",
        metavar="TABLE",
        nargs="?",
        help="such as C2; without one, the tables are listed",
    )
    sub.add_argument("--list", action="store_true", help="list the tables, and stop")
    sub.add_argument(
        "--dry-run", action="store_true", help="list the runs, and run nothing"
    )
    sub.add_argument(
        "--data",
        metavar="DATA",
        help="as for `keras-senet train --data` (the table's own, or the digits)",
    )
    sub.add_argument(
        "--scale",
        choices=("full", "small"),
        default="full",
        help="as published, or the same changes in small networks, for minutes (full)",
    )
    for name, default, text in (
        ("--seeds", 3, "runs of each network (3)"),
        ("--epochs", None, "of each run, to which the schedule is stretched"),
        ("--devices", None, "as for `keras-senet train`"),
    ):
        sub.add_argument(name, type=int, metavar="N", default=default, help=text)
    sub.add_argument("--rows", nargs="+", metavar="LABEL", help="of the table (all)")
    sub.add_argument(
        "--part",
        metavar="K/N",
        default="1/1",
        help="every N-th run, beginning with the K-th, to share out the runs (1/1)",
    )
    sub.add_argument("--out", metavar="DIR", default="reproduce", help="(reproduce)")
    sub.epilog = (
        "Any field of a recipe is an option, too, such as --optimizer.momentum 0.8, "
        "for all runs."
    )


def reproduce(options: argparse.Namespace) -> int:
    """Runs a table; the exit code is 1 if a run failed."""
    from keras_senet.training.reproduction import parsed_part
    from keras_senet.training.reproduction import reproduce as run_table

    if options.list or options.table is None:
        _print_tables()
        return 0
    asked = _asked(options)
    part = parsed_part(options.part)
    if options.dry_run:
        _print_runs(options.table, part, asked)
        return 0
    results = run_table(options.table, part=part, devices=options.devices, **asked)
    _print_results(results)
    return 1 if results.failed else 0


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    data = options.data
    if data is not None and os.path.exists(data):
        # So that the runs can be resumed and evaluated from another folder.
        data = os.path.abspath(data)
    return {
        "data": data,
        "scale": options.scale,
        "seeds": options.seeds,
        "out": Path(options.out),
        "rows": options.rows,
        "epochs": options.epochs,
        "overrides": options.fields_given,
    }


def _print_tables() -> None:
    from rich.console import Console
    from rich.table import Table

    from keras_senet.training.tables import ALIASES, TABLES

    grid = Table("table", "rows", "", "", box=None, padding=(0, 1, 0, 0))
    for name, table in TABLES.items():
        others = [alias for alias, known in ALIASES.items() if known == name]
        names = ", ".join((name, *others))
        grid.add_row(names, str(len(table.rows)), table.title, table.source)
    Console().print(grid)


def _print_runs(name: str, part: tuple[int, int], asked: dict[str, Any]) -> None:
    """Prints what would be run, and how it differs from the table's recipe."""
    from keras_senet.training.checks import changed_fields
    from keras_senet.training.measurements import state
    from keras_senet.training.planning import make_plan
    from keras_senet.training.recipe import Recipe
    from keras_senet.training.recipe_changes import Changes
    from keras_senet.training.report import notes_of_plan
    from keras_senet.training.reproduction import part_of
    from keras_senet.training.tables import published_table

    changes = Changes(**{x: asked.pop(x) for x in ("data", "epochs", "overrides")})
    plan = make_plan(published_table(name), changes=changes, **asked)
    print(f"Base: {changed_fields(plan.base, Recipe())}")
    for job in part_of(plan.jobs, part):
        try:
            known = state(job)
        except InputError:
            known = "of another recipe"
        print(f"{job.path} ({known})")
        print(f"    {changed_fields(job.recipe, plan.base) or 'the base'}")
        for size in job.variant.tested_at:
            print(f"    also tested at {size} pixels")
    for note in notes_of_plan(plan):
        print(note)


def _print_results(results: Any) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from keras_senet.training.report import notes
    from keras_senet.training.results import HEADERS

    table = results.plan.table
    grid = Table(
        *HEADERS,
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        title=f"{table.name}: {table.title} ({table.source})",
        title_justify="left",
    )
    for column in grid.columns[1:]:
        column.justify = "right"
    for column in grid.columns[3:]:
        column.no_wrap = True
    for line in results.lines:
        grid.add_row(*("\n".join(text) for text in line.cells))
    console = Console(highlight=False)
    console.print(grid)
    for note in notes(results):
        console.print(note, soft_wrap=True, markup=False)
    console.print(f"Written in {results.plan.folder}", soft_wrap=True, markup=False)
