"""Writes networks.json and outputs.json anew from the networks as they are.

python tests/goldens/regenerate.py

Look at the difference before you commit it: layer names and weight shapes are API.
"""

import hashlib
import json
import sys
from pathlib import Path

import keras
import numpy as np

from keras_senet import count_macs
from keras_senet.models.families import NETWORKS

PATH = Path(__file__).with_name("networks.json")
OUTPUTS = PATH.with_name("outputs.json")


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


def logits(name):
    """The outputs for seeded weights and images, in float64 on this backend."""
    from seeded import images, tiny

    keras.config.set_dtype_policy("float64")
    model = tiny(NETWORKS[name], name)
    outputs = keras.ops.convert_to_numpy(model(images(model)))
    keras.config.set_dtype_policy("float32")
    return np.round(outputs, 7).tolist()


if __name__ == "__main__":
    sys.path.insert(0, str(PATH.parents[1]))  # where tests find `seeded`
    PATH.write_text(json.dumps({n: describe(n) for n in NETWORKS}, indent=1) + "\n")
    OUTPUTS.write_text(json.dumps({n: logits(n) for n in NETWORKS}, indent=1) + "\n")
