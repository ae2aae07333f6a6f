"""The table that was run: the papers' numbers beside the measured ones."""

from collections.abc import Iterable
from dataclasses import dataclass

from keras_senet.training.measurements import Cell, cell
from keras_senet.training.plan import Comparison, Job, Plan, Variant
from keras_senet.training.table import Error

MISSING = "-"
HEADERS = (
    "row",
    "paper without SE",
    "paper with SE",
    "without SE",
    "with SE",
    "difference",
    "seeds",
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of a table with what was measured.

    Attributes:
        comparison: The row.
        plain: The runs without SE, if there should be any.
        excited: The runs with SE, if there should be any.
    """

    comparison: Comparison
    plain: Cell | None
    excited: Cell | None

    def difference(self, rank: int = 0) -> float | None:
        """Mean error with SE less that without, in points; negative is better."""
        if self.plain is None or self.excited is None:
            return None
        without, with_se = self.plain.mean(rank), self.excited.mean(rank)
        return None if without is None or with_se is None else with_se - without

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """Texts under `HEADERS`, each of one or two: top-1 and perhaps top-5."""
        row = self.comparison.row
        counts = [
            str(len(x.runs))
            if len(x.runs) == x.wanted
            else f"{len(x.runs)} of {x.wanted}"
            for x in (self.plain, self.excited)
            if x is not None
        ]
        return (
            (row.label,),
            _published(row.plain),
            _published(row.error),
            _measured(self.plain),
            _measured(self.excited),
            self._differences if len(counts) == 2 else ("",),
            (" and ".join(dict.fromkeys(counts)),),
        )

    @property
    def _differences(self) -> tuple[str, ...]:
        points = (self.difference(0), self.difference(1))
        return tuple(f"{x:+.2f}" for x in points if x is not None) or (MISSING,)


@dataclass(frozen=True, kw_only=True)
class Results:
    """What there is of a table.

    Attributes:
        plan: What should be run.
        lines: Its rows.
        missing: How many of its runs are not finished.
        failed: Runs that were tried now, and failed.
        command: What makes the table.
    """

    plan: Plan
    lines: tuple[Line, ...]
    missing: int
    failed: tuple[Job, ...]
    command: str


def collected(plan: Plan, failed: Iterable[Job], command: str) -> Results:
    """Reads what is finished.

    Args:
        plan: What should be run.
        failed: Runs that were tried now, and failed.
        command: What makes the table.

    Returns:
        The table.
    """

    def read(variant: Variant | None, size: int | None = None) -> Cell | None:
        if variant is None:
            return None
        own = [job for job in jobs if job.variant.folder == variant.folder]
        return cell(own, size)

    jobs = plan.jobs
    lines = tuple(
        Line(
            comparison=each,
            plain=read(each.plain),
            excited=read(each.excited, each.tested_at),
        )
        for each in plan.comparisons
    )
    finished = sum(len(cell([job]).runs) for job in jobs)
    return Results(
        plan=plan,
        lines=lines,
        missing=len(jobs) - finished,
        failed=tuple(failed),
        command=command,
    )


def _published(error: Error | None) -> tuple[str, ...]:
    if error is None:
        return ("",)
    return tuple(f"{x:.2f}" for x in error if x is not None)


def _measured(cell: Cell | None) -> tuple[str, ...]:
    if cell is None:
        return ("",)
    texts = []
    for rank in (0, 1):
        mean, deviation = cell.mean(rank), cell.deviation(rank)
        if mean is not None:
            texts.append(
                f"{mean:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")
            )
    return tuple(texts) or (MISSING,)
