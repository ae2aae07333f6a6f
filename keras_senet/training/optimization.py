"""How weights are changed, and by how much: three parts of a recipe, as data."""

import math
from dataclasses import dataclass
from typing import Literal

from keras_senet.errors import InputError
from keras_senet.training.ranges import check_choice, check_range

INFINITY = math.inf


@dataclass(frozen=True, kw_only=True)
class OptimizerRecipe:
    """How weights are changed.

    Attributes:
        name: `sgd` with momentum, `adamw` or `lamb`.
        learning_rate: The highest learning rate.
        per_batch: For how many images in a batch that rate is meant; with another
            batch it is scaled by the rule. `null`: it is meant as it is.
        scaling: The rule, in the size of the batch: `linear` (Goyal et al., 2017) or
            `sqrt`.
        momentum: Of `sgd`.
        nesterov: Whether the momentum of `sgd` is Nesterov's.
    """

    name: Literal["sgd", "adamw", "lamb"] = "sgd"
    learning_rate: float = 0.05
    per_batch: int | None = None
    scaling: Literal["linear", "sqrt"] = "linear"
    momentum: float = 0.9
    nesterov: bool = True

    def __post_init__(self) -> None:
        check_choice(self, "name", "sgd", "adamw", "lamb")
        check_choice(self, "scaling", "linear", "sqrt")
        # Not a limit of taste: infinity and what is not a number fail it.
        check_range(self, "learning_rate", 0, 1e38, below=True)
        check_range(self, "per_batch", 1, INFINITY)
        check_range(self, "momentum", 0, 1)

    def rate(self, batch_size: int) -> float:
        """The highest learning rate with a batch of that many images."""
        share = batch_size / (self.per_batch or batch_size)
        return self.learning_rate * (share if self.scaling == "linear" else share**0.5)


@dataclass(frozen=True, kw_only=True)
class ScheduleRecipe:
    """How the learning rate changes.

    Attributes:
        name: `cosine` falls to zero; `step` is multiplied by the factor at each of
            the epochs; `plateau` is, when the validation loss has not fallen for
            some epochs; `constant`.
        epochs: Passes over the training images.
        warmup_epochs: In which the rate rises linearly from zero; at most half of
            the run.
        drop_epochs: Of `step`: the epochs after which the rate drops.
        factor: Of `step` and `plateau`.
        patience: Of `plateau`, in epochs.
        early_stopping: After how many epochs without a lower validation loss the run
            stops; `null` never.
    """

    name: Literal["cosine", "step", "plateau", "constant"] = "cosine"
    epochs: int = 20
    warmup_epochs: float = 1.0
    drop_epochs: tuple[int, ...] = ()
    factor: float = 0.1
    patience: int = 5
    early_stopping: int | None = None

    def __post_init__(self) -> None:
        check_choice(self, "name", "cosine", "step", "plateau", "constant")
        check_range(self, "epochs", 1, INFINITY)
        check_range(self, "warmup_epochs", 0, INFINITY)
        check_range(self, "factor", 0, 1, below=True)
        check_range(self, "patience", 1, INFINITY)
        check_range(self, "early_stopping", 1, INFINITY)
        drops = list(self.drop_epochs)
        if drops != sorted(set(drops)) or any(drop < 1 for drop in drops):
            raise InputError(
                f"drop_epochs should be rising numbers from 1. Received: {drops}"
            )
        if (self.name == "step") != bool(drops):
            raise InputError(
                "drop_epochs are for the schedule `step`, which needs some. "
                f"Received: name={self.name!r}, drop_epochs={drops}"
            )
        if drops and drops[0] < self.warmup_epochs:
            raise InputError(
                "drop_epochs should not be within the warm-up. Received: "
                f"drop_epochs={drops}, warmup_epochs={self.warmup_epochs}"
            )
        if self.name == "plateau" and self.warmup_epochs:
            raise InputError(
                "The schedule `plateau` has no warm-up: set warmup_epochs to 0. "
                f"Received: warmup_epochs={self.warmup_epochs}"
            )


@dataclass(frozen=True, kw_only=True)
class RegularizationRecipe:
    """What keeps the network from learning the images by heart.

    Label smoothing is part of the augmentation.

    Attributes:
        weight_decay: Of kernels, not of biases and batch normalization. `sgd` takes it
            through the momentum, as an L2 penalty; `adamw` and `lamb` apart from it.
        dropout: Before the classifier; `null` is the network's own.
        drop_path: Of the residual branches: stochastic depth (Huang et al., 2016).
        clip_norm: Largest norm of all gradients together; `null` does not clip.
        ema: Momentum of a moving average of the weights, and of the statistics of
            batch normalization, which is what is validated and saved; `null` averages
            nothing.
        frozen_batch_norm: In how many of the last epochs batch normalization is
            frozen (conference paper, appendix A).
    """

    weight_decay: float = 0.0
    dropout: float | None = None
    drop_path: float = 0.0
    clip_norm: float | None = None
    ema: float | None = None
    frozen_batch_norm: int = 0

    def __post_init__(self) -> None:
        check_range(self, "weight_decay", 0, 1)
        check_range(self, "dropout", 0, 0.99)
        check_range(self, "drop_path", 0, 0.99)
        check_range(self, "clip_norm", 0, INFINITY, below=True)
        check_range(self, "ema", 0, 1)
        check_range(self, "frozen_batch_norm", 0, INFINITY)
