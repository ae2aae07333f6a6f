"""What a training run does, as data."""

from dataclasses import dataclass, field

from keras_senet.data.augmentation import Augmentation
from keras_senet.errors import InputError
from keras_senet.training.optimization import (
    OptimizerRecipe,
    RegularizationRecipe,
    ScheduleRecipe,
)
from keras_senet.training.ranges import check_range
from keras_senet.training.sections import (
    CheckpointRecipe,
    ComputeRecipe,
    DataRecipe,
    EvaluationRecipe,
    FinetuningRecipe,
    NetworkRecipe,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides the outcome of a run.

    Attributes:
        model: The network.
        data: The images.
        augmentation: Their random changes; `None` takes the data's own, or the
            paper's for images of that size.
        optimizer: How weights are changed.
        schedule: How the learning rate changes.
        regularization: Weight decay and the like.
        finetuning: Which part of the network is trained.
        evaluation: How the network is validated.
        compute: Precision, compilation.
        checkpoints: What is kept to go on from.
        seed: Of the initial weights, the order and the augmentation.

    Raises:
        InputError: If a name does not exist or a number is out of range.

    Example:

    ```python
    from dataclasses import replace
    from keras_senet.training.recipes import PAPER

    recipe = replace(PAPER, data=replace(PAPER.data, name="imagenet", batch_size=256))
    print(recipe.optimizer.rate(recipe.data.batch_size))  # 0.15
    ```
    """

    model: NetworkRecipe = field(default_factory=NetworkRecipe)
    data: DataRecipe = field(default_factory=DataRecipe)
    augmentation: Augmentation | None = None
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    regularization: RegularizationRecipe = field(default_factory=RegularizationRecipe)
    finetuning: FinetuningRecipe = field(default_factory=FinetuningRecipe)
    evaluation: EvaluationRecipe = field(default_factory=EvaluationRecipe)
    compute: ComputeRecipe = field(default_factory=ComputeRecipe)
    checkpoints: CheckpointRecipe = field(default_factory=CheckpointRecipe)
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, "seed", 0, 2**31 - 1)
        last = self.schedule.epochs
        for name, epochs in (
            ("schedule.drop_epochs", self.schedule.drop_epochs),
            ("finetuning.unfreeze", [epoch for epoch, _ in self.finetuning.unfreeze]),
        ):
            late = [epoch for epoch in epochs if epoch >= last]
            if late:
                raise InputError(
                    f"{name} should be before the last of the {last} epochs. "
                    f"Received: {late}"
                )
        if self.schedule.warmup_epochs > last:
            raise InputError(
                f"schedule.warmup_epochs should be at most the {last} epochs. "
                f"Received: {self.schedule.warmup_epochs}"
            )
