"""Everything between a network and `fit`: precision, replicas, optimizer, loss."""

import contextlib
from collections.abc import Iterator

import keras

from keras_senet.data.source import Source
from keras_senet.training.copies import batch_statistics, with_batch_norm
from keras_senet.training.data import changes
from keras_senet.training.freezing import Phase, freeze, phases
from keras_senet.training.network import build
from keras_senet.training.optimizers import make_optimizer
from keras_senet.training.recipe import Recipe
from keras_senet.training.schedules import learning_rate
from keras_senet.training.timed_model import TimedModel


@contextlib.contextmanager
def precision(recipe: Recipe) -> Iterator[None]:
    """Builds layers with the dtype policy of a recipe, and then with that of before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.compute.precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def trainable(
    recipe: Recipe, source: Source, steps: int, *, replicas: int
) -> keras.Model:
    """Builds a network and compiles it; to be called in the scope of a strategy.

    Args:
        recipe: What to do.
        source: The data set.
        steps: Batches in an epoch.
        replicas: On how many devices it runs.

    Returns:
        A compiled model, with an optimizer that knows every weight that will ever be
        trained.

    Raises:
        InputError: If the recipe asks for what the network does not have.
    """
    model = build(recipe, source)
    if replicas > 1 and recipe.compute.synchronized_batch_norm:
        model = with_batch_norm(model, synchronized=True)
    model = TimedModel(model.input, model.output, name=model.name)
    compile_model(model, recipe, steps, shares=changes(recipe, source).mixes)
    optimizer = model.optimizer
    # Before anything is frozen, so that no weight is unknown to it later.
    known = {id(w) for phase in phases(recipe) for w in _trained(model, phase)}
    if recipe.regularization.ema is not None:
        # Averaged weights are used with averaged statistics.
        known |= {id(w) for w in batch_statistics(model)}
    optimizer.build([w for w in model.weights if id(w) in known])
    # At the end of each `fit`, Keras would put averages into the weights.
    optimizer.finalize_variable_values = lambda variables: None
    return model


def _trained(model: keras.Model, phase: Phase) -> list:
    freeze(model, phase)
    return model.trainable_variables


def compile_model(
    model: keras.Model, recipe: Recipe, steps: int, *, shares: bool
) -> None:
    """Gives a model its optimizer, loss and metrics.

    Args:
        model: Not compiled yet.
        recipe: Has optimizer and schedule.
        steps: Batches in an epoch.
        shares: Whether labels come as shares of all classes, since they are mixed.
    """
    accumulate = recipe.compute.accumulate
    rate = learning_rate(
        recipe.schedule,
        recipe.optimizer.rate(recipe.data.batch_size * accumulate),
        steps,
    )
    optimizer = make_optimizer(
        recipe.optimizer,
        recipe.regularization,
        rate,
        accumulate,
        model.trainable_variables,
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
        optimizer=optimizer,
        loss=loss(),
        # Weighted, so that padding does not count.
        weighted_metrics=[
            accuracy(name="accuracy"),
            cross_entropy(name="cross_entropy"),
        ],
        steps_per_execution=recipe.compute.steps_per_execution,
        jit_compile=recipe.compute.jit_compile,
    )
