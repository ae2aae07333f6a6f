import keras
import numpy as np
import pytest
from lite_runs import answers, difference
from seeded import seed_weights

import keras_senet
from keras_senet.export.description import Description
from keras_senet.export.lite_writing import write_lite

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]


@pytest.mark.parametrize("largest", [0.0, 1e-6])
def test_dead_hidden_units(largest, tmp_path):
    """XNNPACK refuses a file that has their range as it is."""
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32")
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(16, 3, activation="relu")(inputs)
    block = keras_senet.SqueezeExcite(16)
    model = keras.Model(inputs, block(maps))
    seed_weights(model)
    means = keras.Model(inputs, maps).predict_on_batch(x).mean((1, 2, 3))
    block.reduce_kernel.assign(np.full((16, 1), 1 / 16))
    block.reduce_bias.assign([largest - means.max()])
    # Had the range stayed empty, the integers of this bias would overflow.
    block.expand_bias.assign(np.linspace(-2, 2, 16))
    path = tmp_path / "dead.tflite"
    description = Description(
        name="Dead", shape=(8, 8, 3), pixels="Standardized", output="features"
    )
    write_lite(model, path, description, precision="int8", representative=x)
    expected = model.predict_on_batch(x)
    for xnnpack in (True, False):
        # Gates of 1/2, for want of the bias, would be off by 1.
        assert difference(expected, answers(path, x, xnnpack=xnnpack)) <= 0.2


@pytest.mark.slow
def test_digits_are_told_apart_as_before(tmp_path):
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = (digits.images.repeat(2, 1).repeat(2, 2)[..., None] / 16).astype("float32")
    y = digits.target
    inputs = keras.Input((16, 16, 1))
    z = inputs
    for filters in (16, 32, 64):
        z = keras.layers.Conv2D(filters, 3, padding="same", strides=2)(z)
        z = keras.layers.BatchNormalization()(z)
        z = keras.layers.ReLU()(z)
        z = keras_senet.SqueezeExcite(4)(z)
    z = keras.layers.GlobalAveragePooling2D()(z)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(z))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:1300], y[:1300], batch_size=32, epochs=15, verbose=0)
    tested, truth = x[1300:], y[1300:]
    before = model.predict(tested, verbose=0).argmax(-1)
    assert np.mean(before == truth) >= 0.93
    description = Description(
        name="Digits", shape=(16, 16, 1), pixels="From 0 to 1", output="probabilities"
    )
    for precision in ("dynamic", "int8"):
        path = tmp_path / f"{precision}.tflite"
        arguments = {"precision": precision, "representative": x[:100]}
        write_lite(model, path, description, **arguments)
        after = answers(path, tested).argmax(-1)
        assert np.mean(after == before) >= 0.99
        assert np.mean(after == truth) >= np.mean(before == truth) - 0.01
