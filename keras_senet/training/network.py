"""The network of a recipe, with the normalization inside."""

import inspect
from dataclasses import asdict
from typing import Any

import keras

from keras_senet.data.source import Source
from keras_senet.errors import InputError
from keras_senet.models.families import NETWORKS, SPECS
from keras_senet.preprocessing import input_convention, normalization_layer
from keras_senet.training.recipe import Recipe
from keras_senet.training.sections import NetworkRecipe
from keras_senet.weights.catalog import IMAGENET, list_weights
from keras_senet.weights.checkpoint import InputConvention


def build(recipe: Recipe, source: Source) -> keras.Model:
    """Builds the network of a recipe, with the normalization inside.

    Args:
        recipe: Names the network.
        source: Has the classes, and perhaps a size.

    Returns:
        A model from RGB 0..255 to probabilities.

    Raises:
        InputError: If the images are too small for the network, or it does not have
            what is asked of it, or its weights cannot be used.
    """
    arguments = _arguments(recipe)
    size = image_size(recipe, source)
    tested = test_size(recipe, source)
    # Of one size, where there is one: some networks know no other.
    side = size if size == tested else None
    images = keras.Input((side, side, 3), name="images")
    mean, std = _normalization(recipe, arguments)
    function = NETWORKS[recipe.model.name]
    try:
        model = function(
            weights=recipe.model.weights,
            input_tensor=normalization_layer(mean, std, dtype="float32")(images),
            classes=len(source.class_names),
            **arguments,
            **({"skip_mismatch": True} if recipe.model.weights else {}),
        )
    except (ValueError, FileNotFoundError) as error:
        raise InputError(f"{recipe.model.name}: {error}") from error
    model.get_layer("predictions").class_names = source.class_names
    return model


def image_size(recipe: Recipe, source: Source) -> int:
    """Side of the images: the recipe's, or the data's, or the network's own."""
    return recipe.data.image_size or source.size or SPECS[recipe.model.name].size


def test_size(recipe: Recipe, source: Source) -> int:
    """Side of the images in validation and test."""
    return recipe.evaluation.image_size or image_size(recipe, source)


def _arguments(recipe: Recipe) -> dict[str, Any]:
    """The arguments of the network's function that are not as by default."""
    wanted = asdict(recipe.model)
    default = asdict(NetworkRecipe())
    changed = {
        name: value
        for name, value in wanted.items()
        if name not in ("name", "weights") and value != default[name]
    }
    if recipe.regularization.dropout is not None:
        changed["dropout"] = recipe.regularization.dropout
    if recipe.regularization.drop_path:
        changed["drop_path"] = recipe.regularization.drop_path
    known = inspect.signature(NETWORKS[recipe.model.name]).parameters
    absent = sorted(set(changed) - set(known))
    if absent:
        raise InputError(
            f"{recipe.model.name} has no {' and no '.join(absent)}. "
            f"Received: {', '.join(f'{name}={changed[name]}' for name in absent)}"
        )
    return changed


def _normalization(
    recipe: Recipe, arguments: dict[str, Any]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation: what published weights want, or else the recipe's."""
    weights = recipe.model.weights
    tag = IMAGENET.get(recipe.model.name) if weights == "imagenet" else weights
    if tag in {row.tag for row in list_weights()}:
        convention = input_convention(str(tag))
        return convention.mean, convention.std
    if weights is not None:
        known = _convention_of_file(recipe, arguments)
        if known is not None:
            return known.mean, known.std
    only_mean = recipe.data.normalization == "mean"
    return InputConvention.mean, (1.0,) * 3 if only_mean else InputConvention.std


def _convention_of_file(
    recipe: Recipe, arguments: dict[str, Any]
) -> InputConvention | None:
    """What images the weights of a file want, if it says so, after it is loaded."""
    try:
        probe = NETWORKS[recipe.model.name](
            weights=recipe.model.weights, include_top=False, **arguments
        )
    except (ValueError, FileNotFoundError) as error:
        raise InputError(f"{recipe.model.name}: {error}") from error
    try:
        return input_convention(probe)
    except ValueError:
        return None
