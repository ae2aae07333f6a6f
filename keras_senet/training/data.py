"""The data of a recipe: which source, which batches."""

from typing import Any

from keras_senet.data.augmentation import Augmentation, augmentation
from keras_senet.data.bad_images import BadImages
from keras_senet.data.defaults import chosen_augmentation
from keras_senet.data.images import Images
from keras_senet.data.indexed import in_memory
from keras_senet.data.opening import open_source
from keras_senet.data.pipeline import evaluation_batches, training_batches
from keras_senet.data.source import Source
from keras_senet.errors import InputError
from keras_senet.training.network import image_size
from keras_senet.training.recipe import Recipe
from keras_senet.training.run import Run


def open_recipe(recipe: Recipe) -> Source:
    """Opens the data of a recipe.

    Args:
        recipe: Names the data, and how to split them.

    Returns:
        The data set.

    Raises:
        InputError: If they cannot be used.
    """
    return open_source(recipe.data, recipe.split_seed)


def open_data(run: Run) -> Source:
    """Opens the data of a run, which must be as they were.

    Args:
        run: The folder.

    Returns:
        The data set.

    Raises:
        InputError: If there are other images or classes than at training time,
            so that training images may have become test images.
    """
    recorded = run.read_record().get("data", {})
    source = open_recipe(run.read_recipe())
    if recorded.get("fingerprint") != source.fingerprint:
        raise InputError(
            f"The data {source.name} have changed since {run.path} was trained on "
            "them; its training and test images can no longer be told apart."
        )
    return source


def changes(recipe: Recipe, source: Source) -> Augmentation:
    """The random changes that training images go through."""
    asked = recipe.augmentation and augmentation(recipe.augmentation)
    return chosen_augmentation(asked or None, source, image_size(recipe, source))


def fit_batches(
    recipe: Recipe, source: Source, first_epoch: int, bad: BadImages
) -> tuple[Any, Any]:
    """What `Model.fit` takes: training and validation batches.

    Args:
        recipe: What to do.
        source: The data set.
        first_epoch: Number of the epoch to begin with, from 0.
        bad: What to do about images that cannot be read.

    Returns:
        Two `tf.data.Dataset`s, with the same kind of labels.
    """
    import dataclasses

    import tensorflow as tf

    size, random = image_size(recipe, source), changes(recipe, source)
    if recipe.cache:
        source = dataclasses.replace(
            source,
            train=in_memory(source.train),
            validation=in_memory(source.validation),
        )
    training = training_batches(
        source,
        size=size,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        first_epoch=first_epoch,
        last_epoch=recipe.epochs,
        augmentation=random,
        balanced=recipe.balanced,
        bad_images=bad,
    )
    validation = exact_batches(recipe, source.validation, size, bad)
    if random.mixes:
        classes = len(source.class_names)
        validation = validation.map(lambda x, y, w: (x, tf.one_hot(y, classes), w))
    return training, validation


def exact_batches(recipe: Recipe, images: Images, size: int, bad: BadImages) -> Any:
    """Batches that hold every image of a split once, by the recipe.

    Args:
        recipe: Has the size of the batch.
        images: The split.
        size: Side of the images, in pixels.
        bad: What to do about images that cannot be read.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`.
    """
    return evaluation_batches(
        images, size=size, batch_size=recipe.batch_size, bad_images=bad
    )
