"""The networks of recipes, of which only the shapes are made."""

import functools
import json
import math
from dataclasses import asdict

import keras

from keras_senet.data.source import Source
from keras_senet.training.network import build
from keras_senet.training.recipe_text import recipe_from


def built(recipe, classes=1000):
    """The network of a recipe, of which only the shapes are made."""
    source = Source(
        name="none",
        class_names=tuple(map(str, range(classes))),
        fingerprint="",
        train=None,
        validation=None,
    )
    with keras.StatelessScope(initialize_variables=False):
        return build(recipe, source)


@functools.cache
def _trainable(recipe_text):
    model = built(recipe_from(json.loads(recipe_text)))
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def count(recipe):
    """How many weights the network of a recipe trains."""
    return _trainable(json.dumps(asdict(recipe)))
