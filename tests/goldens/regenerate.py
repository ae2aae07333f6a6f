"""Writes tests/goldens/networks.json anew from the networks as they are.

python tests/goldens/regenerate.py

Look at the difference before you commit it: layer names and weight shapes are API.
"""

import hashlib
import json
from pathlib import Path

import keras

from keras_senet import count_macs
from keras_senet.models.families import NETWORKS

PATH = Path(__file__).with_name("networks.json")


def describe(name):
    """What is frozen of a network."""
    with keras.StatelessScope(initialize_variables=False):
        model = NETWORKS[name](weights=None)
        macs = count_macs(model)
    weights = sorted((w.path, list(w.shape)) for w in model.weights)
    stages = {}
    for layer in model.layers:
        # All layers of a stage lead to its last one, which thus comes last.
        part = layer.name.split("_")[0]
        if part.startswith(("stem", "stage", "head")):
            stages[part] = [layer.name, *layer.output.shape[1:]]
    return {
        "trainable": sum(_size(w) for w in model.trainable_weights),
        "total": model.count_params(),
        "macs": macs,
        "stages": stages,
        "weights_sha256": hashlib.sha256(json.dumps(weights).encode()).hexdigest(),
    }


def _size(weight):
    size = 1
    for side in weight.shape:
        size *= side
    return size


if __name__ == "__main__":
    PATH.write_text(json.dumps({n: describe(n) for n in NETWORKS}, indent=1) + "\n")
