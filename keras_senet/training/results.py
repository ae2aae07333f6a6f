"""The table that was run: the papers' numbers beside the measured ones."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keras_senet.files import written_whole
from keras_senet.training.checks import changed_fields
from keras_senet.training.measurements import Cell, cell
from keras_senet.training.plan import Comparison, Job, Plan, Variant
from keras_senet.training.table import Error

MISSING = "-"
HEADERS = (
    "",
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
        counts = [len(x.runs) for x in (self.plain, self.excited) if x is not None]
        same = len(set(counts)) == 1
        return (
            (row.label,),
            _published(row.plain),
            _published(row.error),
            _measured(self.plain),
            _measured(self.excited),
            _signed(self.difference(0), self.difference(1)),
            (str(counts[0]) if same else " and ".join(map(str, counts)),),
        )


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
        return variant and cell(
            [job for job in jobs if job.variant.folder == variant.folder], size
        )

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


def notes(results: Results) -> list[str]:
    """What was really run, and what there is to know of it, in sentences."""
    plan = results.plan
    found = [
        run
        for line in results.lines
        for each in (line.plain, line.excited)
        for run in (each.runs if each else ())
    ]
    where = ", ".join(sorted({f"{x.count:,} {x.split} images" for x in found}))
    several = (
        f", mean ± sample standard deviation over {plan.seeds} seeds"
        if plan.seeds > 1
        else ", one seed"
    )
    lines = [
        "Error in %, top-1 / top-5, on "
        f"{where or 'no images yet'} of {plan.base.data.name}{several}."
    ]
    lines += notes_of_plan(plan)
    if results.missing:
        total = len(plan.jobs)
        lines.append(f"{results.missing} of {total} runs are missing.")
    lines += [f"Failed: {x.path}, see {x.log}." for x in results.failed]
    return lines


def notes_of_plan(plan: Plan) -> list[str]:
    """What is run, and what is not, in sentences."""
    lines = [f"Run: {text}." for text in _what_was_run(plan)]
    if plan.scale == "small":
        lines.append(
            "This is not what the paper ran: small networks stand in for its own, on "
            f"{plan.base.data.name}. Its numbers are beside them for orientation "
            "only; they cannot be compared."
        )
    else:
        other = changed_fields(plan.base, plan.table.base)
        if other:
            lines.append(f"Not as published: {other}.")
    lines += [f"Left out: {x}, since {why}." for x, why in plan.left_out.items()]
    return lines


def markdown(results: Results) -> str:
    """The table as Markdown, with the command that makes it."""
    table = results.plan.table
    rows = [[" / ".join(text) for text in line.cells] for line in results.lines]
    lines = [f"| {' | '.join(row)} |" for row in (HEADERS, *rows)]
    lines.insert(1, f"|{'---|' * len(HEADERS)}")
    return "\n".join(
        [
            f"# {table.name}: {table.title} ({table.source})",
            "",
            *lines,
            "",
            *(f"- {note}" for note in notes(results)),
            "",
            "```",
            results.command,
            "```",
            "",
        ]
    )


def write_results(results: Results) -> None:
    """Writes `table.md` and `table.json` to the folder of the table."""
    folder, plan = results.plan.folder, results.plan
    with written_whole(folder / "table.md") as path:
        path.write_text(markdown(results), encoding="utf-8")
    text = {
        "table": plan.table.name,
        "title": plan.table.title,
        "source": plan.table.source,
        "scale": plan.scale,
        "command": results.command,
        "notes": notes(results),
        "rows": [_plain_line(line) for line in results.lines],
    }
    with written_whole(folder / "table.json") as path:
        path.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")


def _plain_line(line: Line) -> dict[str, Any]:
    row = line.comparison.row

    def sides(cell: Cell | None, variant: Variant | None, paper: Error | None) -> Any:
        if cell is None or variant is None:
            return None
        names = ("seed", "split", "count", "top1", "top5")
        return {
            "published_error": paper,
            "folder": variant.folder,
            "network": variant.recipe.model.name,
            "runs": [{x: getattr(run, x) for x in names} for run in cell.runs],
        }

    return {
        "label": row.label,
        "tested_at": line.comparison.tested_at,
        "without_se": sides(line.plain, line.comparison.plain, row.plain),
        "with_se": sides(line.excited, line.comparison.excited, row.error),
    }


def _what_was_run(plan: Plan) -> list[str]:
    """Networks, sizes and epochs, each with the rows that they are of."""
    rows: dict[str, list[str]] = {}
    for each in plan.comparisons:
        variant = each.variants[0]
        text = (
            f"{variant.recipe.model.name} at {variant.image_size} pixels, "
            f"{variant.recipe.schedule.epochs} epochs"
        )
        if each.tested_at:
            text += f", tested at {each.tested_at}"
        rows.setdefault(text, []).append(each.row.label)
    if len(rows) == 1:
        return list(rows)
    return [f"{', '.join(labels)}: {text}" for text, labels in rows.items()]


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


def _signed(*points: float | None) -> tuple[str, ...]:
    return tuple(f"{x:+.2f}" for x in points if x is not None) or (MISSING,)
