"""Comparing a folded model with the one that it was made from."""

import keras
import numpy as np
from keras import layers
from seeded import seed_weights

from keras_senet.export.folding import fold
from keras_senet.models.graph import leaves


def answers(model, x):
    """All outputs in inference, one after the other, in float64."""
    outputs = keras.tree.flatten(model(x, training=False))
    arrays = [keras.ops.convert_to_numpy(y).astype("float64") for y in outputs]
    return np.concatenate([y.ravel() for y in arrays])


def difference(model, folded, x):
    """The largest difference of the answers, over their deviation."""
    expected = answers(model, x)
    assert expected.std() > 0
    return np.abs(answers(folded, x) - expected).max() / expected.std()


def folded_alike(model, x=None, **settings):
    """The folded model, which gives the same answers and has left `model` as it is."""
    if x is None:
        rng = np.random.default_rng(0)
        shape = [side or 9 for side in model.inputs[0].shape[1:]]
        x = rng.normal(size=(3, *shape)).astype("float32")
    folded = fold(model, **settings)
    assert difference(model, folded, x) <= 1e-5
    return folded


def seeded(inputs, outputs, **settings):
    """A model with random weights and statistics."""
    model = keras.Model(inputs, outputs, **settings)
    seed_weights(model)
    return model


def kinds(model):
    """The names of the classes of all operations that are no inputs, in order."""
    found = [type(operation).__name__ for operation in leaves(model)]
    return [name for name in found if name != "InputLayer"]


def nested_model():
    """A model of nested models, one of which is called twice, with equal names."""

    def network(name, channels):
        inputs = keras.Input((None, None, channels))
        x = layers.Conv2D(4, 3, name="conv", padding="same")(inputs)
        x = layers.BatchNormalization(name="bn")(x)
        return keras.Model(inputs, layers.ReLU(name="relu")(x), name=name)

    inputs = keras.Input((8, 8, 3))
    x = keras.Sequential([layers.Dropout(0.5), network("first", 3)])(inputs)
    twice = network("twice", 4)
    return seeded(inputs, twice(twice(x)), name="outer")
