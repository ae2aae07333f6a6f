"""The data of a recipe: which source, which batches."""

from dataclasses import replace
from typing import Any

import numpy as np

from keras_senet.data.augmentation import Augmentation
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
    source = open_source(recipe.data.name, recipe.data.split_seed)
    if not recipe.data.cache:
        return source
    return replace(
        source,
        train=in_memory(source.train),
        validation=in_memory(source.validation),
    )


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
    return chosen_augmentation(recipe.augmentation, source, image_size(recipe, source))


def training_data(
    recipe: Recipe,
    source: Source,
    bad: BadImages,
    *,
    first_epoch: int,
    first_step: int,
    end_epoch: int,
    worker: int = 0,
    workers: int = 1,
) -> Any:
    """The training batches of some epochs.

    Args:
        recipe: What to do.
        source: The data set.
        bad: What to do about images that cannot be read.
        first_epoch: Number of the epoch to begin with, from 0.
        first_step: How many batches of it to leave out.
        end_epoch: Number of the epoch to end before.
        worker: Number of this process, from 0.
        workers: How many processes share each batch.

    Returns:
        A `tf.data.Dataset` of images and labels, and of weights if classes are
        weighed.
    """
    import tensorflow as tf

    batches = training_batches(
        source,
        size=image_size(recipe, source),
        batch_size=recipe.data.batch_size,
        seed=recipe.seed,
        first_epoch=first_epoch,
        last_epoch=end_epoch,
        first_step=first_step,
        augmentation=changes(recipe, source),
        balanced=recipe.data.balanced,
        bad_images=bad,
        worker=worker,
        workers=workers,
    )
    if not recipe.data.class_weights:
        return batches
    weights = tf.constant(class_weights(source))
    if changes(recipe, source).mixes:
        return batches.map(lambda x, y: (x, y, tf.linalg.matvec(y, weights)))
    return batches.map(lambda x, y: (x, y, tf.gather(weights, y)))


def class_weights(source: Source) -> np.ndarray:
    """How much an image of each class weighs, so that all classes weigh the same.

    Args:
        source: The data set.

    Returns:
        A float32 array; the weights of all training images add up to their number.
    """
    classes = len(source.class_names)
    counts = np.maximum(source.train.class_counts(classes), 1)
    return (counts.sum() / (classes * counts)).astype("float32")


def validation_data(
    recipe: Recipe,
    source: Source,
    size: int,
    bad: BadImages,
    worker: int = 0,
    workers: int = 1,
) -> Any:
    """The validation batches, with labels of the kind that the training has.

    Args:
        recipe: What to do.
        source: The data set.
        size: Side of the images, in pixels.
        bad: What to do about images that cannot be read.
        worker: Number of this process, from 0.
        workers: How many processes share each batch.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`.
    """
    import tensorflow as tf

    batches = exact_batches(
        recipe, source.validation, size, bad, worker=worker, workers=workers
    )
    if not changes(recipe, source).mixes:
        return batches
    classes = len(source.class_names)
    return batches.map(lambda x, y, w: (x, tf.one_hot(y, classes), w))


def exact_batches(
    recipe: Recipe,
    images: Images,
    size: int,
    bad: BadImages,
    *,
    worker: int = 0,
    workers: int = 1,
) -> Any:
    """Batches that hold every image of a split once, by the recipe.

    Args:
        recipe: Has the size of the batch.
        images: The split.
        size: Side of the images, in pixels.
        bad: What to do about images that cannot be read.
        worker: Number of this process, from 0.
        workers: How many processes share each batch.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`.
    """
    return evaluation_batches(
        images,
        size=size,
        batch_size=recipe.data.batch_size,
        resize=recipe.evaluation.resize,
        interpolation=recipe.evaluation.interpolation,
        bad_images=bad,
        worker=worker,
        workers=workers,
    )
