"""The table that was run, in words: as Markdown, as JSON, and what it is of."""

import json
from typing import Any

from keras_senet.files import written_whole
from keras_senet.training.checks import changed_fields
from keras_senet.training.measurements import Cell
from keras_senet.training.plan import Plan, Variant
from keras_senet.training.results import HEADERS, Line, Results
from keras_senet.training.table import Error


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
    lines += [f"Failed: see {x.log}." for x in results.failed]
    return lines


def notes_of_plan(plan: Plan) -> list[str]:
    """What is run, and what is not, in sentences."""
    lines = [f"Run: {text}." for text in _what_was_run(plan)]
    if plan.scale == "small":
        lines.append(
            "This is not what the paper ran: small networks, small images and few "
            f"epochs of {plan.base.data.name} stand in for its own. Its numbers are "
            "beside them for orientation only; they cannot be compared."
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
        epochs = variant.recipe.schedule.epochs
        text = (
            f"{variant.recipe.model.name} at {variant.image_size} pixels, "
            f"{epochs} epoch{'' if epochs == 1 else 's'}"
        )
        if each.tested_at:
            text += f", tested at {each.tested_at}"
        rows.setdefault(text, []).append(each.row.label)
    if len(rows) == 1:
        return list(rows)
    return [f"{', '.join(labels)}: {text}" for text, labels in rows.items()]
