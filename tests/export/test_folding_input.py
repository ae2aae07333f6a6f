"""The normalization of images, folded into the first convolution, also at the border.

Pixels are far from the mean, so that it shows what the first map is padded with.
"""

import keras
import numpy as np
import pytest
from folded import difference, folded_alike, kinds, seeded
from keras import layers
from seeded import seed_weights
from small import spec

import keras_senet
from keras_senet.models.application import application
from keras_senet.preprocessing import normalization_layer

MEAN, STD = (124.0, 117.0, 104.0), (58.0, 57.0, 56.0)
NORMALIZATIONS = {
    "rescaling": lambda: normalization_layer(MEAN, STD),
    "normalization": lambda: layers.Normalization(mean=MEAN, variance=STD),
    "arithmetic": lambda: lambda x: (x - np.array(MEAN)) / np.array(STD),
    "chain": lambda: keras.Sequential(
        [layers.Rescaling(1 / 255), layers.Rescaling([1, 2, 3], [4, 5, -6])]
    ),
}
# Padding before the first convolution, the convolution, and whether zeros are padded.
FIRST = {
    "valid": (None, {"kernel_size": 7, "strides": 2}, False),
    "pointwise": (None, {"kernel_size": 1, "padding": "same"}, False),
    "same": (None, {"kernel_size": 7, "padding": "same"}, True),
    "strided": (None, {"kernel_size": 3, "strides": 2, "padding": "same"}, True),
    "padded": (3, {"kernel_size": 7, "strides": 2}, True),
}


def pixels(*shape):
    rng = np.random.default_rng(0)
    return rng.integers(200, 256, shape).astype("float32")


def network(normalization, first, side):
    padding, arguments, _ = FIRST[first]
    inputs = keras.Input((side, side, 3))
    x = normalization(inputs)
    if padding is not None:
        x = layers.ZeroPadding2D(padding)(x)
    return seeded(inputs, layers.Conv2D(4, use_bias=False, **arguments)(x))


@pytest.mark.parametrize("side", [16, 17])
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_scale_and_mean_go_as_far_as_they_are_exact(normalization, first, side):
    model = network(NORMALIZATIONS[normalization](), first, side)
    folded = folded_alike(model, pixels(2, side, side, 3))
    padded = FIRST[first][2]
    left = [x for x in folded.layers if type(x).__name__ == "ScaleAndShift"]
    assert len(left) == padded
    # What stays is one addition.
    assert all(layer.scale is None and layer.shift is not None for layer in left)
    assert folded.layers[-1].use_bias == (not padded)


@pytest.mark.parametrize("first", ["same", "strided", "padded"])
def test_folding_the_mean_would_be_wrong_at_the_border_alone(first):
    side = 16
    model = network(normalization_layer(MEAN, STD), first, side)
    plain = network(lambda x: x, first, side)
    (kernel,) = model.get_weights()
    plain.set_weights([kernel / np.reshape(STD, (3, 1))])
    bias = np.sum(kernel * np.reshape(np.divide(MEAN, STD), (3, 1)), axis=(0, 1, 2))
    x = pixels(1, side, side, 3)
    expected = keras.ops.convert_to_numpy(model(x))
    apart = np.abs(keras.ops.convert_to_numpy(plain(x)) - bias - expected)
    assert apart[0, 0, 0].max() > 0.1 or apart[0, -1, -1].max() > 0.1
    assert apart[0, 4:-4, 4:-4].max(initial=0) < 1e-4


@pytest.mark.parametrize("variant", ["pytorch", "caffe"])
@pytest.mark.parametrize("nested", [True, False])
def test_both_dialects(variant, nested):
    build = application("Small", "se_resnet50", spec("se_resnet50"))
    arguments = {"weights": None, "variant": variant, "classifier_activation": None}
    images = keras.Input((64, 64, 3))
    x = normalization_layer(MEAN, STD)(images)
    if nested:
        inner = build(input_shape=(64, 64, 3), **arguments)
        model = keras.Model(images, inner(x))
    else:
        model = build(input_tensor=x, **arguments)
    seed_weights(model)
    folded = folded_alike(model, pixels(2, 64, 64, 3))
    assert kinds(folded)[:3] == ["ScaleAndShift", "ZeroPadding2D", "Conv2D"]
    assert kinds(folded).count("ScaleAndShift") == 1
    # Black is what a picture is wrongly framed with if the mean is folded.
    assert difference(model, folded, np.zeros((1, 64, 64, 3), "float32")) <= 1e-5


@pytest.mark.slow
def test_nothing_is_left_before_a_network_that_pads_nothing():
    images = keras.Input((75, 75, 3))
    inner = keras_senet.SEInceptionV3(
        weights=None, input_shape=(75, 75, 3), classifier_activation=None
    )
    model = keras.Model(images, inner(layers.Rescaling(1 / 127.5, -1)(images)))
    seed_weights(model)
    folded = folded_alike(model, pixels(1, 75, 75, 3))
    assert kinds(folded)[0] == "Conv2D"
    assert "ScaleAndShift" not in kinds(folded)


def test_the_normalization_stays_on_demand():
    inputs = keras.Input((9, 9, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[1, 2, 3])(x)
    x = layers.BatchNormalization()(x)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(x))
    model = seeded(inputs, layers.Rescaling(2.0)(layers.ReLU()(x)))
    x = pixels(2, 9, 9, 3)
    folded = folded_alike(model, x, normalization=False)
    expected = ["ScaleAndShift", "Conv2D", "ReLU", "ScaleAndShift"]
    assert kinds(folded) == expected
    # The scale and the mean of the pixels, and nothing of the training.
    (layer, _) = (x for x in folded.layers if type(x).__name__ == "ScaleAndShift")
    np.testing.assert_allclose(layer.scale, 1 / 255 / np.sqrt([1, 2, 3]))
    np.testing.assert_allclose(layer.shift, [-0.4, -0.5, -0.6] / np.sqrt([1, 2, 3]))
    assert kinds(folded_alike(model, x)) == expected[1:]


def test_a_mean_that_was_adapted():
    images = np.random.default_rng(0).uniform(0, 255, (20, 6, 6, 3)).astype("float32")
    layer = layers.Normalization()
    layer.adapt(images)
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 3)(layer(inputs)))
    assert kinds(folded_alike(model, images)) == ["Conv2D"]
    back = layers.Normalization(mean=MEAN, variance=STD, invert=True)
    model = keras.Model(inputs, layers.Conv2D(4, 3)(back(inputs)))
    assert kinds(folded_alike(model, images)) == ["Conv2D"]


def test_constants_that_differ_between_pixels_stay():
    inputs = keras.Input((6, 6, 3))
    for constant in (np.ones((6, 6, 1)) * np.arange(6)[:, None, None], np.eye(6, 3)):
        x = layers.Conv2D(4, 3)(inputs * 2.0 - np.float32(constant[None]))
        folded = folded_alike(seeded(inputs, x))
        assert kinds(folded)[-1] == "Conv2D" and len(kinds(folded)) == 3
