import keras
import numpy as np
import pytest
from lite_runs import bottlenecks
from seeded import seed_weights

from keras_senet import SqueezeExcite
from keras_senet.export.squeezing import squeezing_early


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype("float32")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"use_bias": False},
        {"identity_init": True},
        {"activation": "silu", "gate_activation": "tanh"},
    ],
)
def test_gives_the_same_answers(arguments, images):
    model = bottlenecks(**arguments)
    expected = model.predict_on_batch(images)
    tuned = squeezing_early(model)
    np.testing.assert_allclose(tuned.predict_on_batch(images), expected, atol=2e-6)
    np.testing.assert_array_equal(model.predict_on_batch(images), expected)


def test_reads_a_quarter_of_the_channels():
    tuned = squeezing_early(bottlenecks())
    assert not [x for x in tuned.layers if isinstance(x, SqueezeExcite)]
    # 16 channels are squeezed instead of 64, to 64 / 4 units.
    assert tuned.get_layer("se1_squeeze").output.shape == (None, 1, 1, 16)
    assert tuned.get_layer("se1_reduce").kernel.shape == (1, 1, 16, 16)


def test_reaches_into_models_within(images):
    backbone = bottlenecks()
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, backbone(inputs))
    tuned = squeezing_early(model)
    [inner] = [x for x in tuned.layers if isinstance(x, keras.Model)]
    assert inner.get_layer("se0_squeeze")
    np.testing.assert_allclose(
        tuned.predict_on_batch(images), model.predict_on_batch(images), atol=2e-6
    )


@pytest.mark.parametrize(
    ("convolution", "block"),
    [
        ({"kernel_size": 3, "padding": "same"}, {}),
        ({"strides": 2}, {}),
        ({"groups": 2}, {}),
        ({"activation": "relu"}, {}),
        ({"filters": 8}, {}),
        ({}, {"squeeze": "max"}),
        ({}, {"squeeze": None}),
    ],
)
def test_leaves_what_does_not_commute_or_pay(convolution, block):
    inputs = keras.Input((8, 8, 8))
    arguments = {"filters": 16, "kernel_size": 1, **convolution}
    x = keras.layers.Conv2D(**arguments)(inputs)
    model = keras.Model(inputs, SqueezeExcite(4, name="se", **block)(x))
    assert type(squeezing_early(model).get_layer("se")) is SqueezeExcite


def test_leaves_a_block_behind_something_else():
    inputs = keras.Input((8, 8, 8))
    x = keras.layers.Conv2D(16, 1)(inputs)
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(inputs, SqueezeExcite(4, name="se")(x))
    seed_weights(model)
    assert type(squeezing_early(model).get_layer("se")) is SqueezeExcite


def test_leaves_a_block_that_is_called_twice():
    inputs = keras.Input((8, 8, 8))
    block = SqueezeExcite(4, name="se")
    parts = [block(keras.layers.Conv2D(16, 1)(inputs)) for _ in range(2)]
    model = keras.Model(inputs, keras.layers.Add()(parts))
    seed_weights(model)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 8)).astype("float32")
    expected = model.predict_on_batch(images)
    found = squeezing_early(model).predict_on_batch(images)
    np.testing.assert_allclose(found, expected, atol=1e-5)
