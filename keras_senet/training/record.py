"""What is written down about a run before it starts."""

import platform
from dataclasses import asdict
from typing import Any

import keras
import numpy as np

from keras_senet.data.augmentation import differences
from keras_senet.data.source import Source
from keras_senet.training.data import changes
from keras_senet.training.network import test_size
from keras_senet.training.recipe import Recipe
from keras_senet.training.workers import Workers
from keras_senet.version import __version__

INPUT = "RGB 0..255, channels last; the normalization is inside the model"


def describe(
    recipe: Recipe,
    source: Source,
    strategy: Any,
    workers: Workers,
    model: keras.Model,
) -> dict[str, Any]:
    """What is known of a run before it starts."""
    import tensorflow as tf

    replicas = strategy.num_replicas_in_sync
    return {
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "versions": versions(),
        "distribution": {
            "strategy": type(strategy).__name__ if replicas > 1 else None,
            "replicas": replicas,
            "workers": workers.count,
            "synchronized_batch_norm": replicas > 1
            and recipe.compute.synchronized_batch_norm,
            "devices": [x.name for x in tf.config.list_logical_devices()],
        },
        "data": {
            "name": source.name,
            "fingerprint": source.fingerprint,
            **{name: images.count for name, images in source.splits.items()},
            "augmentation": differences(changes(recipe, source)),
            "class_names": list(source.class_names),
        },
        "model": {
            "parameters": model.count_params(),
            "image_size": test_size(recipe, source),
            "input": INPUT,
        },
    }


def versions() -> dict[str, str]:
    """The versions of what computes, by name."""
    import tensorflow as tf

    return {
        "keras_senet": __version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
    }
