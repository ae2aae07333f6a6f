"""The network of a recipe, with its loss and optimizer."""

import keras

from keras_senet.data.source import Source
from keras_senet.errors import InputError
from keras_senet.models.families import NETWORKS, SPECS
from keras_senet.preprocessing import normalization_layer
from keras_senet.training.recipe import Recipe


def build(recipe: Recipe, source: Source) -> keras.Model:
    """Builds the network of a recipe, with the normalization inside.

    Args:
        recipe: Names the network.
        source: Has the classes, and perhaps a size.

    Returns:
        A model from RGB 0..255 to probabilities.

    Raises:
        InputError: If the images are too small for the network.
    """
    network = NETWORKS[recipe.model]
    size = image_size(recipe, source)
    images = keras.Input((size, size, 3), name="images")
    try:
        model = network(
            weights=None,
            input_tensor=normalization_layer()(images),
            classes=len(source.class_names),
            reduction=recipe.reduction,
        )
    except ValueError as error:
        raise InputError(f"{recipe.model}: {error}") from error
    model.get_layer("predictions").class_names = source.class_names
    return model


def image_size(recipe: Recipe, source: Source) -> int:
    """Side of the images: the recipe's, or the data's, or the network's own."""
    return recipe.image_size or source.size or SPECS[recipe.model].size


def compile_model(
    model: keras.Model, recipe: Recipe, steps: int, *, shares: bool
) -> None:
    """Gives a model its optimizer, loss and metrics.

    Args:
        model: Not compiled yet.
        recipe: Has epochs and learning rate.
        steps: Batches in an epoch.
        shares: Whether labels come as shares of all classes, since they are mixed.
    """
    total = max(1, steps * recipe.epochs)
    warmup = min(steps, total // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, total - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
    )
    loss, accuracy, cross_entropy = (
        (
            keras.losses.CategoricalCrossentropy,
            keras.metrics.CategoricalAccuracy,
            keras.metrics.CategoricalCrossentropy,
        )
        if shares
        else (
            keras.losses.SparseCategoricalCrossentropy,
            keras.metrics.SparseCategoricalAccuracy,
            keras.metrics.SparseCategoricalCrossentropy,
        )
    )
    model.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        loss=loss(),
        # Weighted, so that padding does not count.
        weighted_metrics=[
            accuracy(name="accuracy"),
            cross_entropy(name="cross_entropy"),
        ],
        # Keras' own choice is XLA, which a mirrored strategy cannot run.
        jit_compile=False,
    )
