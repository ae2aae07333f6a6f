"""Networks whose gates are constants, and the same without their blocks."""

import keras
import numpy as np

from keras_senet.layers import SqueezeExcite
from keras_senet.models.graph import leaves


def blocks(model):
    """The blocks of a model, those of nested ones included."""
    return [x for x in leaves(model) if isinstance(x, SqueezeExcite)]


def make_constant(model, low=0.1, high=0.9):
    """Makes the gates of all blocks constants by their weights.

    The excitation is the inverse of the gate's activation then, for all images.

    Returns:
        The gates by the blocks' own names.
    """
    draw = np.random.default_rng(7)
    found = {}
    for block in blocks(model):
        gate = draw.uniform(low, high, block.expand_bias.shape)
        inverse = {
            keras.activations.sigmoid: lambda x: np.log(x / (1 - x)),
            keras.activations.linear: lambda x: x,
        }[block.gate_activation]
        block.expand_kernel.assign(np.zeros(block.expand_kernel.shape))
        block.expand_bias.assign(inverse(gate / 2 if block.identity_init else gate))
        found[block.name] = gate
    return found


def answers(model, x):
    """All outputs in inference, one after the other, in float64."""
    outputs = keras.tree.flatten(model(x, training=False))
    arrays = [keras.ops.convert_to_numpy(y).astype("float64") for y in outputs]
    return np.concatenate([y.ravel() for y in arrays])


def difference(model, network, x):
    """The largest difference of the answers, over their deviation."""
    expected = answers(model, x)
    assert expected.std() > 0
    return np.abs(answers(network, x) - expected).max() / expected.std()
