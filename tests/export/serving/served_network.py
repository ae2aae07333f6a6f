"""The small network that the servers serve."""

import keras
import pytest

import keras_senet

NAMES = ("zero", "one", "two", "three", "four", "fünf")
SIZE = 32


def need_tensorflow():
    """Skips what a fixture of a wider scope would begin before `only_tensorflow`."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs Keras' TensorFlow backend")


def network():
    """A small network on RGB in 0..255."""
    from seeded import seed_weights

    from keras_senet.preprocessing import normalization_layer

    x = normalization_layer()(keras.Input((SIZE, SIZE, 3)))
    model = keras_senet.SEResNet20(weights=None, input_tensor=x, classes=len(NAMES))
    seed_weights(model)
    return model


def described(**changes):
    from keras_senet.export.description import Description, Preparation

    fields = {
        "name": "classifier",
        "shape": (SIZE, SIZE, 3),
        "pixels": "RGB in 0..255",
        "output": "probabilities",
        "class_names": NAMES,
        "preparation": Preparation(size=SIZE, shorter=36),
    }
    return Description(**{**fields, **changes})
