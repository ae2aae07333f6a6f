"""Networks and run folders that were never trained: their weights are drawn."""

import json

import keras
import numpy as np

import keras_senet
from keras_senet.layers import Classifier


def network(side=32, classes=10, names=None, seed=0, activation="softmax"):
    """A small network that takes RGB 0..255; another one for another seed."""
    images = keras.Input((side, side, 3))
    x = keras_senet.preprocessing.normalization_layer()(images)
    x = keras.layers.Conv2D(8, 5, strides=3, activation="relu")(x)
    x = keras_senet.SqueezeExcite(4)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = Classifier(classes, activation, class_names=names, name="predictions")
    model = keras.Model(images, head(x), name=f"small{seed}")
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) / len(weight.shape))
    return model


def make(path, source, recipe=None, side=32, seed=0):
    """A run folder of such a network on the data."""
    path.mkdir()
    names = source.class_names
    network(side, len(names), names, seed).save(path / "best.keras")
    record = {
        "status": "finished",
        "recipe": recipe or {},
        "model": {"image_size": side},
        "data": {"name": source.name, "fingerprint": source.fingerprint},
    }
    (path / "record.json").write_text(json.dumps(record))
    return path
