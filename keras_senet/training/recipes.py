"""Ready recipes, as rows: what each paper says, and in comments what is our choice."""

from dataclasses import replace

from keras_senet.data import augmentation
from keras_senet.errors import InputError, near_matches
from keras_senet.training.optimization import (
    OptimizerRecipe,
    RegularizationRecipe,
    ScheduleRecipe,
)
from keras_senet.training.recipe import Recipe
from keras_senet.training.sections import (
    DataRecipe,
    EvaluationRecipe,
    FinetuningRecipe,
    NetworkRecipe,
)

IMAGENET = "imagenet2012"

# Ours: 1,259 images need no more than the defaults.
DIGITS = Recipe()

# Conference paper, section 5 (Implementation), and He initialization, which is that
# of the networks; the journal dropped the balanced classes.
PAPER = Recipe(
    model=NetworkRecipe(name="se_resnet50", variant="caffe"),
    data=DataRecipe(
        name=IMAGENET,
        image_size=224,
        batch_size=1024,
        normalization="mean",
        balanced=True,
    ),
    augmentation=augmentation.PAPER,
    optimizer=OptimizerRecipe(learning_rate=0.6, per_batch=1024, nesterov=False),
    schedule=ScheduleRecipe(
        name="step", epochs=100, warmup_epochs=0.0, drop_epochs=(30, 60, 90)
    ),
    regularization=RegularizationRecipe(weight_decay=1e-4),
)

# The README of the authors' release. The rate was dropped by hand, with more epochs:
# the patience, and how many they are, are ours.
RELEASE = replace(
    PAPER,
    data=replace(PAPER.data, batch_size=256, balanced=False),
    augmentation=augmentation.RELEASE,
    optimizer=OptimizerRecipe(learning_rate=0.1, per_batch=256, nesterov=False),
    schedule=ScheduleRecipe(name="plateau", epochs=150, warmup_epochs=0.0),
)

# Conference paper, appendix A. How many are the last few epochs is ours.
SENET154 = replace(
    PAPER,
    model=NetworkRecipe(name="senet154", variant="caffe"),
    data=replace(PAPER.data, batch_size=2048),
    augmentation=replace(augmentation.PAPER, label_smoothing=0.1),
    optimizer=OptimizerRecipe(learning_rate=1.0, per_batch=2048, nesterov=False),
    regularization=RegularizationRecipe(
        weight_decay=1e-4, dropout=0.2, frozen_batch_norm=5
    ),
)

# Wightman et al., "ResNet strikes back", 2021, table 2, A2, without its repeated
# augmentation and with the cross entropy of all classes together, since our networks
# give probabilities that add up to one. The moving average is ours, and Keras' LAMB
# decays weights outside of its trust ratio.
MODERN = Recipe(
    model=NetworkRecipe(name="se_resnet50"),
    data=DataRecipe(name=IMAGENET, image_size=224, batch_size=2048),
    augmentation=augmentation.MODERN,
    optimizer=OptimizerRecipe(
        name="lamb",
        learning_rate=5e-3,
        per_batch=2048,
        scaling="sqrt",
    ),
    schedule=ScheduleRecipe(epochs=300, warmup_epochs=5.0),
    regularization=RegularizationRecipe(weight_decay=0.02, drop_path=0.05, ema=0.9999),
    evaluation=EvaluationRecipe(resize=236, interpolation="bicubic"),
)

# He et al., "Deep residual learning", 2016, section 4.2: the rate drops after 32,000
# and 48,000 of 64,000 steps.
CIFAR = Recipe(
    model=NetworkRecipe(name="se_resnet110"),
    data=DataRecipe(name="cifar10", batch_size=128),
    augmentation=augmentation.CIFAR,
    optimizer=OptimizerRecipe(learning_rate=0.1, per_batch=128, nesterov=False),
    schedule=ScheduleRecipe(
        name="step", epochs=164, warmup_epochs=1.0, drop_epochs=(82, 123)
    ),
    regularization=RegularizationRecipe(weight_decay=1e-4),
)

# Ours: the head first, then everything from the third stage on.
FINETUNE = Recipe(
    model=NetworkRecipe(name="se_resnet50", weights="imagenet"),
    data=DataRecipe(name="digits", image_size=224, batch_size=64),
    augmentation=replace(
        augmentation.PAPER, crop_area=(0.35, 1.0), label_smoothing=0.1
    ),
    optimizer=OptimizerRecipe(learning_rate=0.01, per_batch=64),
    schedule=ScheduleRecipe(epochs=20),
    regularization=RegularizationRecipe(weight_decay=1e-4),
    finetuning=FinetuningRecipe(freeze_until="head", unfreeze=((3, "stage3"),)),
)

RECIPES = {
    "digits": DIGITS,
    "paper": PAPER,
    "release": RELEASE,
    "senet154": SENET154,
    "modern": MODERN,
    "cifar": CIFAR,
    "finetune": FINETUNE,
}


def ready_recipe(name: str) -> Recipe:
    """Looks up a ready recipe.

    Args:
        name: A key of `RECIPES`.

    Returns:
        The recipe.

    Raises:
        InputError: If there is none of that name.
    """
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}. {near_matches(name, RECIPES)}")
    return RECIPES[name]
