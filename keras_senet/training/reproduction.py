"""Tables of the papers, run again: each row without and with SE, with some seeds."""

import os
import re
import shlex
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from keras_senet.errors import InputError
from keras_senet.training.checks import check_backend
from keras_senet.training.measurements import larger_test, measured, state
from keras_senet.training.plan import Job
from keras_senet.training.planning import make_plan
from keras_senet.training.processes import measure_in_process, train_in_process
from keras_senet.training.recipe_changes import Changes
from keras_senet.training.report import write_results
from keras_senet.training.results import Results, collected
from keras_senet.training.tables import published_table


def reproduce(
    table: str,
    *,
    data: str | None = None,
    scale: str = "full",
    seeds: int = 3,
    out: str | os.PathLike = "reproduce",
    part: tuple[int, int] = (1, 1),
    rows: Collection[str] | None = None,
    epochs: int | None = None,
    overrides: Sequence[str] = (),
    devices: int | None = None,
    train: Callable[[Job, int | None], int] = train_in_process,
    measure: Callable[[Job, int], int] = measure_in_process,
) -> Results:
    """Runs a table of the papers: each row without and with SE, in the same scheme.

    Every training is a process of its own, and leaves the run folder of `train` in
    `OUT/TABLE-SCALE-DATA/NETWORK/seedN`, with its recipe and its log beside. Runs that
    are finished are not run again, and unfinished ones are resumed. `table.md` and
    `table.json` hold what there is so far.

    Args:
        table: Such as `"C2"`: C in the conference paper, J in the journal.
        data: Instead of the table's data, or of the digits at small scale.
        scale: `"full"`, as published, or `"small"`: the same changes of SE in small
            networks, for minutes on a CPU.
        seeds: How many runs of each network.
        out: Where the folders go.
        part: The k-th of n parts of all runs; others run elsewhere.
        rows: Labels of the rows to run; `None` is all.
        epochs: Of each run; the schedule is stretched.
        overrides: Other changes of all recipes, `--section.field value`.
        devices: As for `train`.
        train: Runs one training and returns its exit code.
        measure: Runs one test on larger images and returns its exit code.

    Returns:
        What was measured, and what failed.

    Raises:
        InputError: If something that was asked for does not exist or cannot be, or a
            folder holds runs of another recipe.
    """
    plan = make_plan(
        published_table(table),
        changes=Changes(data=data, epochs=epochs, overrides=overrides),
        scale=scale,
        seeds=seeds,
        out=Path(out),
        rows=rows,
    )
    mine = part_of(plan.jobs, part)
    check_backend()
    # What cannot be gone on with is said before hours of training.
    for job in plan.jobs:
        state(job)
    failed = _run_all(mine, devices, train, measure)
    command = ["keras-senet", "reproduce", plan.table.name, "--scale", scale]
    command += ["--seeds", str(seeds)]
    command += ["--data", data] if data is not None else []
    command += ["--epochs", str(epochs)] if epochs is not None else []
    command += ["--rows", *rows] if rows is not None else []
    results = collected(plan, failed, shlex.join([*command, *overrides]))
    write_results(results)
    return results


def part_of(jobs: Sequence[Job], part: tuple[int, int]) -> list[Job]:
    """Every n-th run, beginning with the k-th: n parts have all runs, each once.

    Args:
        jobs: All runs.
        part: k, from 1, and n.

    Returns:
        Some of the runs.

    Raises:
        InputError: If there is no such part.
    """
    number, parts = part
    if not 1 <= number <= parts:
        raise InputError(
            f"A part should be K/N with K from 1 to N. Received: {number}/{parts}"
        )
    return list(jobs[number - 1 :: parts])


def parsed_part(text: str) -> tuple[int, int]:
    """Reads `K/N`.

    Args:
        text: Of a command line.

    Returns:
        Both numbers.

    Raises:
        InputError: If it is something else.
    """
    if not re.fullmatch(r"\d+/\d+", text):
        raise InputError(f"A part should be K/N, such as 1/2. Received: {text}")
    number, parts = text.split("/")
    return int(number), int(parts)


def _run_all(
    jobs: Sequence[Job],
    devices: int | None,
    train: Callable[[Job, int | None], int],
    measure: Callable[[Job, int], int],
) -> tuple[Job, ...]:
    """Runs what is not finished, and returns what failed."""
    failed = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs"),
    )
    console = Console()
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(jobs))
        for job in jobs:
            name = f"{job.variant.folder} seed {job.seed}"
            progress.update(bar, description=name)
            began = time.monotonic()
            right = _run(job, devices, train, measure)
            seconds = time.monotonic() - began
            progress.advance(bar)
            # One line a run, so that a log that is no terminal shows them, too.
            console.print(f"{name}: {_outcome(job, right, seconds)}", highlight=False)
            if not right:
                failed.append(job)
    return tuple(failed)


def _run(
    job: Job,
    devices: int | None,
    train: Callable[[Job, int | None], int],
    measure: Callable[[Job, int], int],
) -> bool:
    """Brings a run and its larger tests to their end; whether that succeeded."""
    job.path.parent.mkdir(parents=True, exist_ok=True)
    # A run that was asked to stop exits with 0, too, but is not finished.
    if state(job) != "finished" and (
        train(job, devices) != 0 or state(job) != "finished"
    ):
        return False
    return all(
        larger_test(job, size) is not None
        or (measure(job, size) == 0 and larger_test(job, size) is not None)
        for size in job.variant.tested_at
    )


def _outcome(job: Job, right: bool, seconds: float) -> str:
    counts = measured(job)
    if counts is None or not right:
        return f"failed, see {job.log}"
    return (
        f"{counts.errors[0]:.2f} % error ({counts.count - counts.top1} of "
        f"{counts.count}), {seconds:.0f} s"
    )
