"""What a table of the papers is made of, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from keras_senet.training.recipe import Recipe

# Top-1 and, where it was published, top-5, in %.
Error: TypeAlias = tuple[float, float | None]


@dataclass(frozen=True)
class StandIn:
    """What is trained instead of a row's network at small scale.

    Attributes:
        name: Of a network.
        image_size: Side of its images, in pixels.
        tested_at: Side of the larger test images, for a row that has such.
    """

    name: str
    image_size: int = 16
    tested_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table: a network without SE, and with it.

    Attributes:
        label: What the row is called.
        plain: Published error without SE; without one, that network is not trained.
        error: Published error with SE; without one, that network is not trained.
        model: What the row changes in `recipe.model`, at any scale.
        base: The recipe of this row, if it is not that of its table.
        tested_at: Side of the test images, in pixels, of a row that is another test
            of the networks of an earlier row, not another training.
        small: What stands in for its network at small scale, or why nothing does;
            `None` is what stands in for all of the table.
    """

    label: str
    plain: Error | None = None
    error: Error | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    base: Recipe | None = None
    tested_at: int | None = None
    small: StandIn | str | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the papers.

    Attributes:
        name: Its number, C in the conference paper (2018), J in the journal (2020).
        title: What it compares.
        source: Where it stands.
        base: How its networks are trained.
        rows: Its lines.
        one_host: Whether all rows change the SE block of one network, which without
            SE is the same for all.
        small: What stands in for the network at small scale, where rows do not say.
    """

    name: str
    title: str
    source: str
    base: Recipe
    rows: tuple[Row, ...]
    one_host: bool = False
    small: StandIn = StandIn("se_resnet20")

    def recipe(self, row: Row) -> Recipe:
        """How the network of a row is trained, as published, with SE."""
        base = row.base or self.base
        return replace(base, model=replace(base.model, **row.model))
