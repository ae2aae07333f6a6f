"""The optimizer of a recipe."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_senet.training.optimization import OptimizerRecipe, RegularizationRecipe


@keras.saving.register_keras_serializable(package="keras_senet")
class PenalizedSGD(keras.optimizers.SGD):
    """Stochastic gradient descent that decays weights through the momentum.

    As the paper does it: the decay is part of the gradient, like that of an L2
    penalty `decay / 2 * sum(w**2)`, but no part of the loss. Keras' own `weight_decay`
    is applied apart from the momentum. Only kernels, which have two axes or more,
    decay.

    Args:
        learning_rate: As of `keras.optimizers.SGD`; so are all others.
        momentum: See there.
        nesterov: See there.
        decay: The weight decay.
        clipnorm: See there.
        clipvalue: See there.
        global_clipnorm: See there. Clipping comes before the decay.
        use_ema: See there.
        ema_momentum: See there.
        ema_overwrite_frequency: See there.
        loss_scale_factor: See there.
        gradient_accumulation_steps: See there.
        name: See there.

    Example:

    ```python
    from keras_senet.training.optimizers import PenalizedSGD

    optimizer = PenalizedSGD(0.6, momentum=0.9, decay=1e-4)
    ```

    Source: conference paper, section 5; He et al., 2016, section 3.4.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "penalized_sgd",
    ) -> None:
        super().__init__(
            learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Changes one weight."""
        if self.decay and is_kernel(variable):
            decay = ops.cast(self.decay, variable.dtype)
            gradient = ops.add(gradient, ops.multiply(decay, variable))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        config = super().get_config()
        # Keras' own decay, which would come on top.
        del config["weight_decay"]
        return {**config, "decay": self.decay}


def is_kernel(variable: Any) -> bool:
    """Whether a weight is one that decays: no bias, and none of normalization."""
    return len(variable.shape) > 1


def make_optimizer(
    recipe: OptimizerRecipe,
    regularization: RegularizationRecipe,
    rate: Any,
    accumulate: int,
    weights: Sequence[Any],
) -> Any:
    """Makes the optimizer of a recipe.

    Args:
        recipe: Its kind.
        regularization: Weight decay, clipping, moving average.
        rate: The learning rate, or its schedule.
        accumulate: Batches whose gradients are averaged before weights change.
        weights: All that will ever be trained.

    Returns:
        A Keras optimizer, not built yet.
    """
    common = {
        "learning_rate": rate,
        "global_clipnorm": regularization.clip_norm,
        "use_ema": regularization.ema is not None,
        # Keras averages after each batch, whether weights have changed or not.
        "ema_momentum": (regularization.ema or 0.0) ** (1 / accumulate),
        "gradient_accumulation_steps": accumulate if accumulate > 1 else None,
    }
    if recipe.name == "sgd":
        return PenalizedSGD(
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            decay=regularization.weight_decay,
            **common,
        )
    kinds = {"adamw": keras.optimizers.AdamW, "lamb": keras.optimizers.Lamb}
    made = kinds[recipe.name](weight_decay=regularization.weight_decay, **common)
    made.exclude_from_weight_decay(var_list=[w for w in weights if not is_kernel(w)])
    return made
