"""Runs a SavedModel on arrays, with TensorFlow alone.

python replay_saved_model.py SAVED_MODEL INPUTS.npz OUTPUTS.npz
"""

import sys

import numpy as np
import tensorflow as tf


def main(saved_model: str, inputs: str, outputs: str) -> None:
    """Answers the arrays in one file by arrays in another."""
    loaded = tf.saved_model.load(saved_model)
    signature = loaded.signatures["serving_default"]
    with np.load(inputs) as arrays:
        answers = signature(**{name: tf.constant(x) for name, x in arrays.items()})
    np.savez(outputs, **{name: x.numpy() for name, x in answers.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
