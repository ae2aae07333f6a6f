import keras
import numpy as np
import pytest
from folded import answers, folded_alike, kinds, nested_model, seeded
from keras import layers

from keras_senet.export.folding import count_operations, fold
from keras_senet.export.folding_reading import IDLE
from keras_senet.layers import (
    ImageSize,
    ShakeShake,
    SqueezeExcite,
)

RANGED = (
    *("Brightness", "Contrast", "Degeneration", "Hue"),
    *("Rotation", "Saturation", "Sharpness", "Zoom"),
)


def idle_layers():
    """One of each kind of layers that return their input in inference."""
    images = np.random.default_rng(0).uniform(-3, 300, (2, 8, 8, 3)).astype("float32")
    first = {
        "RandomTranslation": (0.1, 0.1),
        "RandomPosterization": (4,),
        "Provenance": ({"network": "x"},),
    }
    for kind in IDLE:
        name = kind.__name__
        ranged = name.startswith("Random") and name.endswith(RANGED)
        numbered = ranged or "Dropout" in name or "Noise" in name
        arguments = first.get(name, (0.1,) if numbered else ())
        x = images[None] if name.endswith("3D") else images
        yield kind(*arguments), images[0] if name.endswith("1D") else x


# MixUp asks for int64, which JAX has not.
@pytest.mark.filterwarnings("ignore:.*requested dtype int64")
def test_layers_that_are_left_out_return_their_input():
    for layer, x in idle_layers():
        inputs = keras.Input(x.shape[1:])
        model = keras.Model(inputs, layer(inputs))
        y = keras.ops.convert_to_numpy(model(x, training=False))
        assert np.array_equal(y, x), layer.name
        assert kinds(fold(model)) == []
        assert count_operations(model) == 0


def test_what_makes_floats_of_integers_stays():
    inputs = keras.Input((4, 4, 3), dtype="uint8")
    x = layers.Rescaling(1 / 255)(layers.RandomFlip()(inputs))
    model = seeded(inputs, layers.Conv2D(2, 2, use_bias=False)(x))
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("uint8")
    folded = folded_alike(model, x)
    assert kinds(folded) == ["ScaleAndShift", "Conv2D"]
    layer = folded.layers[1]
    assert layer.scale is None and layer.shift is None


def test_subclasses_stay():
    class Noisy(layers.Dropout):
        def call(self, inputs, training=False):
            return inputs + 1

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Noisy(0.5)(inputs))
    assert kinds(folded_alike(model)) == ["Noisy"]


def test_inference_is_inference_whatever_a_layer_was_called_with():
    inputs = keras.Input((6, 6, 3))
    x = layers.RandomFlip()(layers.Dropout(0.5)(inputs, training=True))
    x = layers.RandomCrop(4, 4)(x)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(x), training=True)
    folded = folded_alike(seeded(inputs, x))
    assert kinds(folded) == ["RandomCrop", "Conv2D"]
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    assert np.array_equal(
        keras.ops.convert_to_numpy(folded(x)).ravel(), answers(folded, x)
    )


def test_a_size_is_checked_where_it_is_not_fixed():
    for side, kept in ((7, []), (None, ["ImageSize"])):
        inputs = keras.Input((side, side, 3))
        x = layers.Rescaling(2.0, 1.0)(inputs)
        x = ImageSize(4, -1, 0)(x)
        model = seeded(inputs, layers.Conv2D(2, 3)(x))
        x = np.ones((1, 7, 7, 3), "float32")
        folded = fold(model)
        # The scale goes past it.
        assert kinds(folded) == [*kept, "Conv2D"]
        np.testing.assert_allclose(answers(folded, x), answers(model, x), rtol=1e-5)
        assert count_operations(folded) == 1


def test_shake_shake_is_a_sum():
    inputs = keras.Input((6, 6, 3))
    branches = [layers.Conv2D(4, 3)(inputs) for _ in range(2)]
    branches = [layers.BatchNormalization()(x) for x in branches]
    model = seeded(inputs, ShakeShake()(branches))
    assert kinds(folded_alike(model)) == ["Conv2D", "Conv2D", "Add"]
    model = seeded(inputs, ShakeShake()([inputs, layers.ReLU()(inputs)]))
    assert kinds(folded_alike(model)) == ["ReLU", "Add", "ScaleAndShift"]


@pytest.mark.parametrize("squeeze", ["avg", "max", None])
def test_a_scale_goes_past_squeeze_excite(squeeze):
    inputs = keras.Input((6, 6, 3))
    x = SqueezeExcite(2, squeeze=squeeze)(layers.Conv2D(8, 3)(inputs))
    scaled = layers.Rescaling(0.17)(x)
    folded = folded_alike(seeded(inputs, scaled))
    assert kinds(folded) == ["Conv2D", "SqueezeExcite"]
    for outputs in (layers.Rescaling(-0.17)(x), layers.BatchNormalization()(x)):
        folded = folded_alike(seeded(inputs, outputs))
        assert kinds(folded) == ["Conv2D", "SqueezeExcite", "ScaleAndShift"]


def test_nested_models_are_flat():
    model = nested_model()
    folded = folded_alike(model)
    assert folded.name == "outer"
    shared = ["Conv2D", "ScaleAndShift", "ReLU", "ScaleAndShift"]
    assert sorted(kinds(folded)) == sorted(["Conv2D", "ReLU", *shared])
    names = [layer.name for layer in folded.layers[1:]]
    assert {"conv", "conv_1", "relu", "relu_1"} < set(names)
    assert not any(isinstance(layer, keras.Model) for layer in folded.layers)
    assert (count_operations(model), count_operations(folded)) == (9, 8)


def test_nested_models_of_several_inputs():
    entries = {"a": keras.Input((4,), name="a"), "b": keras.Input((3,), name="b")}
    answers = {key: layers.Dense(5)(x) for key, x in entries.items()}
    inner = keras.Model(entries, answers)
    inputs = [keras.Input((3,), name="a"), keras.Input((4,), name="b")]
    made = inner({"b": inputs[0], "a": inputs[1]})
    x = layers.BatchNormalization()(made["a"] + made["b"])
    rng = np.random.default_rng(0)
    folded = folded_alike(seeded(inputs, x), [rng.normal(size=(2, n)) for n in (3, 4)])
    assert sorted(kinds(folded)) == ["Add", "Dense", "Dense"]


def test_nested_models_that_keras_adapts_the_input_for():
    entry = keras.Input((4, 1))
    inner = keras.Model(entry, layers.Flatten()(entry))
    inputs = keras.Input((4,))
    folded_alike(keras.Model(inputs, inner(inputs)), np.ones((2, 4)) * [1, 2, 3, 4])
    entry = keras.Input((4,))
    inner = keras.Model(entry, layers.Dense(3)(entry))
    inputs = keras.Input((4,), dtype="uint8")
    model = seeded(inputs, inner(inputs))
    folded = folded_alike(model, np.arange(8, dtype="uint8").reshape(2, 4))
    assert kinds(folded) == ["ScaleAndShift", "Dense"]
