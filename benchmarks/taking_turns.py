"""Processes that take turns, one computing at a time."""

import contextlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

AT_A_TIME = 3
# The name of ours among the others.
OURS = "ours"
Rates = dict[str, list[float]]


class Missing(Exception):
    """A package is not installed."""


@contextlib.contextmanager
def contender(program: str, entry: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process that is ready to take turns."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, program, json.dumps(asdict(entry))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            # Ctrl-C is for the program that gives the turns.
            start_new_session=True,
        ) as process,
    ):
        try:
            answer = process.stdout.readline().strip()
            if answer.startswith("not installed"):
                raise Missing(answer)
            if answer != "ready":
                errors.seek(0)
                raise SystemExit(f"{entry} failed:\n{errors.read()[-2000:]}")
            yield process
        finally:
            process.kill()


def turn(process: "subprocess.Popen[str]", seconds: float) -> float:
    """Images per second in the next turn of a process."""
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise SystemExit(f"A contender ended: {shlex.join(process.args)}")
    return float(answer)


def in_turns(
    program: str, ours: Any, others: dict[str, Any], rounds: int, seconds: float
) -> tuple[Rates, Rates, dict[str, str]]:
    """Rates, ratios to ours in the same round, and why some have none.

    Args:
        program: Path of the program of every process.
        ours: The dataclass of what all others are compared with.
        others: By name.
        rounds: In each of them, all of a group and ours have a turn.
        seconds: Of a turn.
    """
    rates: Rates = {OURS: []}
    ratios: Rates = {OURS: [1.0]}
    missing: dict[str, str] = {}
    names = list(others)
    # Ctrl-C ends the measurement with what there is.
    with contextlib.suppress(KeyboardInterrupt), contender(program, ours) as first:
        for start in range(0, len(names), AT_A_TIME):
            with contextlib.ExitStack() as stack:
                processes = {}
                for name in names[start : start + AT_A_TIME]:
                    try:
                        processes[name] = stack.enter_context(
                            contender(program, others[name])
                        )
                    except Missing as why:
                        missing[name] = str(why)
                for _ in range(rounds):
                    rates[OURS].append(turn(first, seconds))
                    for name, process in processes.items():
                        rate = turn(process, seconds)
                        rates.setdefault(name, []).append(rate)
                        ratios.setdefault(name, []).append(rate / rates[OURS][-1])
    return rates, ratios, missing


def alone(program: str, entry: Any, rounds: int, seconds: float) -> float:
    """Median rate of a process that has the machine for itself."""
    with contender(program, entry) as process:
        return statistics.median(turn(process, seconds) for _ in range(rounds))
