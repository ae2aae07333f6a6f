"""Changes of any recipe that a person asks for, whatever the recipe is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from keras_senet.training.recipe import Recipe
from keras_senet.training.recipe_text import recipe_from


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is asked for on top of a table.

    Attributes:
        data: Other data than the table's.
        epochs: Another number of them.
        overrides: Options of a command line, `--section.field value`.
    """

    data: str | None = None
    epochs: int | None = None
    overrides: Sequence[str] = ()

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with them."""
        if self.data is not None:
            recipe = replace(recipe, data=replace(recipe.data, name=self.data))
        if self.epochs is not None:
            recipe = stretched(recipe, self.epochs)
        if not self.overrides:
            return recipe
        return recipe_from(asdict(recipe), list(self.overrides))


def stretched(recipe: Recipe, epochs: int) -> Recipe:
    """A recipe with its schedule in another number of epochs.

    Args:
        recipe: Any recipe.
        epochs: What it is to take.

    Returns:
        The recipe; all that happens after some epochs happens after the same share of
        them, drops that would fall together at once.
    """
    schedule, share = recipe.schedule, epochs / recipe.schedule.epochs
    drops = {round(epoch * share) for epoch in schedule.drop_epochs}
    drops = {epoch for epoch in drops if 1 <= epoch < epochs}
    changes: dict[str, Any] = {"drop_epochs": tuple(sorted(drops))}
    if schedule.name == "step" and not drops:
        changes["name"] = "constant"
    frozen = round(recipe.regularization.frozen_batch_norm * share)
    return replace(
        recipe,
        schedule=replace(
            schedule,
            epochs=epochs,
            warmup_epochs=schedule.warmup_epochs * min(share, 1.0),
            patience=max(1, round(schedule.patience * share)),
            **changes,
        ),
        regularization=replace(recipe.regularization, frozen_batch_norm=frozen),
    )
