"""From a table of the papers to the runs that reproduce it."""

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from keras_senet.errors import InputError, near_matches
from keras_senet.training.optimization import (
    OptimizerRecipe,
    RegularizationRecipe,
    ScheduleRecipe,
)
from keras_senet.training.plan import Comparison, Plan, Variant
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipe_changes import Changes
from keras_senet.training.sections import DataRecipe, NetworkRecipe
from keras_senet.training.table import Row, StandIn, Table

SCALES = ("full", "small")
DIGITS = "digits"
# How stand-ins are trained: few epochs of the embedded digits, for two CPU cores.
SMALL = Recipe(
    data=DataRecipe(name=DIGITS, batch_size=64),
    optimizer=OptimizerRecipe(learning_rate=0.1, per_batch=64),
    schedule=ScheduleRecipe(epochs=6),
    regularization=RegularizationRecipe(weight_decay=1e-4),
)


def make_plan(
    table: Table,
    *,
    changes: Changes,
    scale: str,
    seeds: int,
    out: Path,
    rows: Collection[str] | None = None,
) -> Plan:
    """Says what is to be run; runs nothing.

    Args:
        table: Of the papers.
        changes: What is asked for on top of it.
        scale: `"full"` or `"small"`.
        seeds: How many runs of each network.
        out: Where folders of tables go.
        rows: Labels of the rows that are asked for; `None` is all.

    Returns:
        The plan.

    Raises:
        InputError: If something that was asked for does not exist or cannot be.

    Example:

    ```python
    from pathlib import Path
    from keras_senet.training.planning import make_plan
    from keras_senet.training.recipe_changes import Changes
    from keras_senet.training.tables import published_table

    plan = make_plan(
        published_table("J10"),
        changes=Changes(epochs=2),
        scale="small",
        seeds=3,
        out=Path("reproduce"),
    )
    for job in plan.jobs:
        print(job.path, job.recipe.model.reduction)
    ```
    """
    if scale not in SCALES:
        raise InputError(
            f"scale should be one of {', '.join(SCALES)}. Received: {scale}"
        )
    if seeds < 1:
        raise InputError(f"seeds should be at least 1. Received: {seeds}")
    if changes.data == DIGITS and scale == "full":
        raise InputError(
            "The digits are 8x8 pixels, too few for the networks of the table: say "
            "`--scale small`, which puts small networks in their place."
        )
    _check_rows(table, rows)
    # Of the whole table, so that a folder is called the same whichever rows are run.
    comparisons, left_out = [], {}
    for row in table.rows:
        standin = row.small or table.small
        if scale == "full":
            recipe, tested_at = table.recipe(row), row.tested_at
        elif isinstance(standin, str):
            left_out[row.label] = standin
            continue
        else:
            recipe, tested_at = _small(table.recipe(row), standin), standin.tested_at
        recipe = changes.applied(recipe)
        comparisons.append(_comparison(table, row, recipe, tested_at))
    base = changes.applied(table.base if scale == "full" else SMALL)
    data = Path(base.data.name).name.replace(":", "-")
    return Plan(
        table=table,
        scale=scale,
        base=base,
        folder=out / f"{table.name}-{scale}-{data}",
        comparisons=tuple(
            x for x in _shared(comparisons) if _is_asked(x.row.label, rows)
        ),
        left_out={x: why for x, why in left_out.items() if _is_asked(x, rows)},
        seeds=seeds,
    )


def without_se(recipe: Recipe) -> Recipe:
    """The same scheme for the network without SE.

    What else is said of SE is as by default then, since it says nothing: rows that
    change SE alone have one such network in common.
    """
    default = NetworkRecipe()
    return replace(
        recipe,
        model=replace(
            recipe.model,
            reduction=None,
            use_bias=default.use_bias,
            squeeze=default.squeeze,
            gate_activation=default.gate_activation,
            se_stages=default.se_stages,
            se_placement=default.se_placement,
        ),
    )


def slug(label: str) -> str:
    """A label as the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def _small(recipe: Recipe, standin: StandIn) -> Recipe:
    """The same changes of SE in the network that stands in."""
    model = replace(recipe.model, name=standin.name, variant=None)
    data = replace(SMALL.data, image_size=standin.image_size)
    return replace(SMALL, model=model, data=data)


def _comparison(
    table: Table, row: Row, recipe: Recipe, tested_at: int | None
) -> Comparison:
    name = slug(row.label)
    plain = Variant(
        folder="none" if table.one_host else name, recipe=without_se(recipe)
    )
    excited = Variant(
        folder=name if table.one_host else f"se-{name}",
        recipe=recipe,
        tested_at=() if tested_at is None else (tested_at,),
    )
    return Comparison(
        row=row,
        plain=plain if row.plain else None,
        excited=excited if row.error else None,
        tested_at=tested_at,
    )


def _shared(comparisons: list[Comparison]) -> list[Comparison]:
    """The same, with one variant for each recipe: the first, with all tests."""
    first: dict[str, Variant] = {}
    for comparison in comparisons:
        for variant in comparison.variants:
            key = repr(variant.recipe)
            known = first.setdefault(key, variant)
            sizes = sorted({*known.tested_at, *variant.tested_at})
            first[key] = replace(known, tested_at=tuple(sizes))

    def found(variant: Variant | None) -> Variant | None:
        return variant and first[repr(variant.recipe)]

    return [
        replace(x, plain=found(x.plain), excited=found(x.excited)) for x in comparisons
    ]


def _is_asked(label: str, rows: Collection[str] | None) -> bool:
    return rows is None or slug(label) in {slug(row) for row in rows}


def _check_rows(table: Table, rows: Collection[str] | None) -> None:
    labels = {slug(row.label): row.label for row in table.rows}
    for asked in rows or ():
        if slug(asked) not in labels:
            raise InputError(
                f"Table {table.name} has no row {asked!r}. "
                f"{near_matches(asked, labels.values())}"
            )
