"""The learning rate over the steps, and what the validation loss changes of it."""

import itertools
from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from keras_senet.training.optimization import ScheduleRecipe


@keras.saving.register_keras_serializable(package="keras_senet")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from zero to what another schedule begins with.

    Args:
        steps: How many steps the rise takes, at least one.
        schedule: What follows; its step 0 is the end of the rise.

    Example:

    ```python
    import keras
    from keras_senet.training.schedules import WarmUp

    drops = keras.optimizers.schedules.PiecewiseConstantDecay([99], [0.1, 0.01])
    rate = WarmUp(steps=10, schedule=drops)
    print(float(rate(5)))  # 0.05
    ```
    """

    def __init__(self, steps: int, schedule: Any) -> None:
        self.steps = steps
        self.schedule = schedule

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        steps = float(self.steps)
        later = self.schedule(ops.maximum(step - steps, 0.0))
        return later * ops.minimum(step / steps, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"steps": self.steps, "schedule": schedule}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        """Makes the schedule from `get_config`."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(config["steps"], schedule)


def learning_rate(recipe: ScheduleRecipe, rate: float, steps: int) -> Any:
    """What an optimizer takes for a learning rate.

    Args:
        recipe: The kind of schedule.
        rate: The highest learning rate.
        steps: Batches in an epoch; Keras counts them, also where several of them
            make one change of the weights.

    Returns:
        A schedule over the batches; or a number, which `drops` lowers.
    """
    if recipe.name == "plateau":
        return rate
    total = steps * recipe.epochs
    warmup = min(round(steps * recipe.warmup_epochs), total // 2)
    schedules = keras.optimizers.schedules
    if recipe.name == "cosine":
        return schedules.CosineDecay(
            0.0, total - warmup, warmup_target=rate, warmup_steps=warmup
        )
    # Keras takes the old value at the boundary itself.
    last_steps = [steps * epoch - 1 for epoch in recipe.drop_epochs]
    after_warmup = [last - warmup for last in last_steps]
    values = [rate * recipe.factor**drop for drop in range(len(last_steps) + 1)]
    if not after_warmup:
        # There is no constant one.
        after_warmup, values = [total], [rate, rate]
    dropping = schedules.PiecewiseConstantDecay(after_warmup, values)
    return WarmUp(warmup, dropping) if warmup else dropping


def drops(losses: Iterable[float], patience: int) -> int:
    """How often the rate of `plateau` has dropped.

    A function of the history alone, so that a resumed run has nothing to forget.

    Args:
        losses: Validation losses of the epochs so far.
        patience: After how many epochs without a lower loss, since the lowest one or
            the last drop, the rate drops.

    Returns:
        A number of drops.
    """
    lowest, waited, count = float("inf"), 0, 0
    for loss in losses:
        lowest, waited = (loss, 0) if loss < lowest else (lowest, waited + 1)
        if waited >= patience:
            count, waited = count + 1, 0
    return count


def stale(losses: Iterable[float]) -> int:
    """For how many epochs the validation loss has not been lower than before.

    Args:
        losses: Validation losses of the epochs so far.

    Returns:
        A number of epochs; zero if the last one has the lowest loss.
    """
    losses = list(losses)
    lowest = list(itertools.accumulate(losses, min))
    return len(losses) - 1 - lowest.index(lowest[-1]) if losses else 0
