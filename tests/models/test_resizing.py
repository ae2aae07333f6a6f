import keras
import numpy as np
import pytest
from seeded import seed_weights

import keras_senet
from keras_senet.models.resizing import at_size


def assert_same(copy, model, side):
    images = np.random.default_rng(0).normal(size=(2, side, side, 3)).astype("float32")
    assert copy.input_shape == (None, side, side, 3)
    expected = model.predict_on_batch(images)
    np.testing.assert_allclose(copy.predict_on_batch(images), expected, atol=1e-6)
    # Otherwise anything would do.
    assert np.abs(expected[0] - expected[1]).max() > 1e-4


@pytest.mark.parametrize("network", ["SEResNet20", "SEResNeXt26"])
def test_equals_a_network_that_was_built_at_that_size(network):
    build = getattr(keras_senet, network)
    old = build(weights=None, input_shape=(64, 64, 3), classes=5)
    seed_weights(old)
    other = build(weights=None, input_shape=(96, 96, 3), classes=5)
    other.set_weights(old.get_weights())
    assert_same(at_size(old, 96), other, 96)


def test_nested_models_follow():
    def build(side):
        network = keras_senet.SEResNet20(input_shape=(side, side, 3), classes=5)
        seed_weights(network)
        images = keras.Input((side, side, 3), name="images")
        x = keras.layers.Normalization(mean=0.5, variance=2.0)(images)
        return keras.Model(images, network(x))

    assert_same(at_size(build(32), 40), build(40), 40)


def test_sequential_models_too():
    def build(side):
        model = keras.Sequential(
            [
                keras.Input((side, side, 3)),
                keras.layers.Rescaling(0.5),
                keras.layers.Conv2D(4, 3),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(3),
            ]
        )
        seed_weights(model)
        return model

    old, other = build(8), build(12)
    other.set_weights(old.get_weights())
    assert_same(at_size(old, 12), other, 12)


def test_weights_that_belong_to_a_size_are_refused():
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3)(images)
    flat = keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    with pytest.raises(ValueError, match="same variables"):
        at_size(flat, 12)
    outer = keras.Input((8, 8, 3))
    with pytest.raises(ValueError):
        at_size(keras.Model(outer, flat(outer)), 12)
