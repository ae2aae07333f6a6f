"""What comes of an epoch: files, another learning rate, or the end."""

from typing import Any

import keras

from keras_senet.training.position import Position
from keras_senet.training.recipe import Recipe
from keras_senet.training.run import Run
from keras_senet.training.schedules import drops, stale


def write_epoch(
    run: Run, recipe: Recipe, rows: list[dict[str, Any]], model: keras.Model
) -> None:
    """Writes the history, the last model, and the best one if it is.

    In this order, so that a run that is killed in between has a row for each model.

    Args:
        run: The folder.
        recipe: Says which epoch is the best.
        rows: The history.
        model: As it is to be saved.
    """
    run.write_history(rows)
    run.write_model(model, run.last)
    if best_row(rows, recipe.evaluation.best) is rows[-1]:
        run.write_model(model, run.best)


def best_row(rows: list[dict[str, Any]], by: str) -> dict[str, Any]:
    """The best epoch; of equals the latest.

    Args:
        rows: The history.
        by: `"accuracy"`, the highest, or `"cross_entropy"`, the lowest.

    Returns:
        One of the rows.
    """
    sign = 1 if by == "accuracy" else -1
    return max(rows, key=lambda row: (sign * row[f"val_{by}"], row["epoch"]))


def drop_rate(model: keras.Model, recipe: Recipe, position: Position) -> None:
    """Lowers the learning rate of a plateau as often as the history says.

    Args:
        model: Has the optimizer.
        recipe: Has the schedule.
        position: Has the history.
    """
    schedule = recipe.schedule
    if schedule.name == "plateau":
        count = drops(position.losses, schedule.patience)
        highest = recipe.optimizer.rate(
            recipe.data.batch_size * recipe.compute.accumulate
        )
        model.optimizer.learning_rate = highest * schedule.factor**count


def has_stopped(recipe: Recipe, position: Position) -> bool:
    """Whether the validation loss has not fallen for too long.

    Args:
        recipe: Says how long that is.
        position: Has the history.
    """
    limit = recipe.schedule.early_stopping
    return limit is not None and stale(position.losses) >= limit
