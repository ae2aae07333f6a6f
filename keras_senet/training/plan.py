"""What reproduces a table of the papers, as data: its runs and their folders."""

from dataclasses import dataclass, replace
from pathlib import Path

from keras_senet.models.families import SPECS
from keras_senet.training.recipe import Recipe
from keras_senet.training.table import Row, Table


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A network that is trained once for each seed.

    Attributes:
        folder: Name of the folder of its runs.
        recipe: Without a seed of its own.
        tested_at: Sides of larger test images, in pixels, where rows ask for them.
    """

    folder: str
    recipe: Recipe
    tested_at: tuple[int, ...] = ()

    @property
    def image_size(self) -> int:
        """Side of the training images, in pixels."""
        return self.recipe.data.image_size or SPECS[self.recipe.model.name].size


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A row of a table, as it is run.

    Attributes:
        row: Of the table.
        plain: Its network without SE, if the paper has one.
        excited: Its network with SE, if the paper has one.
        tested_at: Side of the larger test images, in pixels, if the row is of such.
    """

    row: Row
    plain: Variant | None
    excited: Variant | None
    tested_at: int | None

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Its networks."""
        return tuple(x for x in (self.plain, self.excited) if x is not None)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training: a network and a seed.

    Attributes:
        variant: The network.
        seed: Of the run.
        path: The run folder.
    """

    variant: Variant
    seed: int
    path: Path

    @property
    def recipe(self) -> Recipe:
        """What the run does."""
        return replace(self.variant.recipe, seed=self.seed)

    @property
    def log(self) -> Path:
        """Where the run says what it does."""
        return self.path.with_name(f"{self.path.name}.log")

    def larger_test(self, size: int) -> Path:
        """Where the test on images of that side is written down."""
        return self.path.with_name(f"{self.path.name}-at-{size}.json")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that reproduces a table.

    Attributes:
        table: Of the paper.
        scale: `"full"` or `"small"`.
        base: The recipe that the runs differ from.
        folder: Where everything goes.
        comparisons: The rows.
        left_out: Rows that are not run, and why.
        seeds: How many.
    """

    table: Table
    scale: str
    base: Recipe
    folder: Path
    comparisons: tuple[Comparison, ...]
    left_out: dict[str, str]
    seeds: int

    @property
    def jobs(self) -> list[Job]:
        """All trainings, seed by seed, so that the table is whole early."""
        variants = {
            variant.folder: variant
            for comparison in self.comparisons
            for variant in comparison.variants
        }
        return [
            Job(
                variant=variant,
                seed=seed,
                path=self.folder / variant.folder / f"seed{seed}",
            )
            for seed in range(self.seeds)
            for variant in variants.values()
        ]
