"""What finished runs have measured, and the mean and deviation over their seeds."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keras_senet.errors import InputError
from keras_senet.training.checks import changed_fields
from keras_senet.training.plan import Job
from keras_senet.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The counts of a run.

    Attributes:
        seed: Of the run.
        split: On which images: `"test"`, or `"validation"` of data without a test.
        count: Images.
        top1: Images whose most probable class is right.
        top5: Images whose right class is among the five most probable.
        classes: How many classes there are.
    """

    seed: int
    split: str
    count: int
    top1: int
    top5: int
    classes: int

    @property
    def errors(self) -> tuple[float, float | None]:
        """Top-1 and, of more than five classes, top-5 error in %."""
        top1, top5 = (
            100 * (self.count - right) / self.count for right in (self.top1, self.top5)
        )
        return top1, top5 if self.classes > 5 else None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The runs of a network.

    Attributes:
        runs: Those that are finished.
        wanted: How many there should be.
    """

    runs: tuple[Measurement, ...]
    wanted: int

    def mean(self, rank: int = 0) -> float | None:
        """Mean error over the seeds in %: top-1 (rank 0) or top-5 (rank 1)."""
        errors = self._errors(rank)
        return statistics.fmean(errors) if errors else None

    def deviation(self, rank: int = 0) -> float | None:
        """Sample standard deviation over the seeds; `None` of fewer than two."""
        errors = self._errors(rank)
        return statistics.stdev(errors) if len(errors) > 1 else None

    def _errors(self, rank: int) -> list[float]:
        found = [run.errors[rank] for run in self.runs]
        return [error for error in found if error is not None]


def state(job: Job) -> str:
    """How far a run is: `"new"`, `"unfinished"` or `"finished"`.

    Args:
        job: The run.

    Returns:
        One of the three.

    Raises:
        InputError: If there is a run in its folder that had another recipe.
    """
    run = Run(job.path)
    if not run.record.is_file():
        return "new"
    record = run.read_record()
    # Most often it is the same to the letter, which is quick to see.
    if record.get("recipe") != json.loads(json.dumps(asdict(job.recipe))):
        other = changed_fields(run.read_recipe(), job.recipe)
        if other:
            raise InputError(
                f"{job.path} was trained with another recipe: {other}. Ask for the "
                "same again, or choose another --out."
            )
    return "finished" if record.get("status") == "finished" else "unfinished"


def larger_test(job: Job, size: int) -> dict[str, Any] | None:
    """Reads the test on larger images, if it is of this run.

    Args:
        job: Whose run is finished.
        size: Side of the images, in pixels.

    Returns:
        What was measured, or `None`.
    """
    try:
        text = json.loads(job.larger_test(size).read_text())
    except (OSError, ValueError):
        return None
    same = text.get("of") == Run(job.path).read_record().get("metrics")
    return text["metrics"] if same else None


def measured(job: Job, size: int | None = None) -> Measurement | None:
    """Reads what a run has measured.

    Args:
        job: The run.
        size: Side of the larger test images; `None` is for the run's own test.

    Returns:
        The counts, or `None` if the run, or that test, is not finished.
    """
    if state(job) != "finished":
        return None
    record = Run(job.path).read_record()
    metrics = record["metrics"] if size is None else larger_test(job, size)
    if metrics is None:
        return None
    split = "test" if "test" in metrics else "validation"
    counts = metrics[split]
    return Measurement(
        seed=job.seed,
        split=split,
        count=counts["count"],
        top1=counts["top1"],
        top5=counts["top5"],
        classes=len(record["data"]["class_names"]),
    )


def cell(jobs: Sequence[Job], size: int | None = None) -> Cell:
    """Reads what the runs of a network have measured.

    Args:
        jobs: Its runs.
        size: Side of the larger test images; `None` is for the runs' own test.

    Returns:
        Those that are finished.
    """
    found = [measured(job, size) for job in jobs]
    return Cell(runs=tuple(x for x in found if x is not None), wanted=len(jobs))
