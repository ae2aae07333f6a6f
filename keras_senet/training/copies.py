"""Copies of networks: for replicas, and to be saved."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_senet.training.checkpoints import replicas_of


def with_batch_norm(model: keras.Model, *, synchronized: bool) -> keras.Model:
    """Copies a model with another kind of batch normalization.

    Synchronized ones take the whole batch, so that any number of replicas computes
    what one would.

    Args:
        model: A functional model.
        synchronized: Whether statistics are taken over all replicas.

    Returns:
        A new model with the same weights, not compiled.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.BatchNormalization):
            config["synchronized"] = synchronized
        return type(layer).from_config(config)

    copy = keras.models.clone_model(_shell(model), clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def plain_copy(model: keras.Model, size: int) -> keras.Model:
    """Copies a network as it is saved: nothing of how it was trained is left.

    Args:
        model: The network.
        size: Side of the images, in pixels.

    Returns:
        A functional model in float32 for images of that size, with batch
        normalization for one device, nothing frozen, and other weights.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = {**layer.get_config(), "dtype": "float32", "trainable": True}
        if isinstance(layer, keras.layers.BatchNormalization):
            config["synchronized"] = False
        return type(layer).from_config(config)

    images = keras.Input((size, size, 3), name="images")
    return keras.models.clone_model(
        _shell(model), input_tensors=images, clone_function=clone
    )


def average_replicas(model: keras.Model) -> None:
    """Gives all replicas the mean of what their batch normalization has gathered.

    Replicas that normalize by their own share of the batch have statistics of their
    own, of which one only would be saved.

    Args:
        model: A network, perhaps on several replicas.
    """
    for variable in batch_statistics(model):
        copies = replicas_of(variable)
        mean = np.mean([copy.numpy() for copy in copies], axis=0)
        for copy in copies:
            copy.assign(mean)


def batch_statistics(model: keras.Model) -> list[Any]:
    """The moving means and variances of a model's batch normalization."""
    return [
        variable
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in (layer.moving_mean, layer.moving_variance)
    ]


@contextlib.contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Puts the moving average of the weights into a model, and then takes it out.

    Keras' own callback swaps by sums, which rounds the weights.

    Args:
        model: With an optimizer that averages, or not, which changes nothing.
    """
    pairs = _averages(model)
    before = [(copy, copy.numpy()) for pair in pairs for copy in replicas_of(pair[0])]
    for weight, average in pairs:
        for copy, mean in zip(replicas_of(weight), replicas_of(average), strict=True):
            copy.assign(mean)
    try:
        yield
    finally:
        for copy, value in before:
            copy.assign(value)


def _averages(model: keras.Model) -> list[tuple[Any, Any]]:
    """Pairs of a weight and its moving average; Keras has no public way to them."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not optimizer.use_ema:
        return []
    return list(
        zip(
            optimizer._trainable_variables,
            optimizer._model_variables_moving_average,
            strict=True,
        )
    )


def _shell(model: keras.Model) -> keras.Model:
    """A new model around the same layers, which leaves the optimizer out."""
    return keras.Model(model.input, model.output, name=model.name)
