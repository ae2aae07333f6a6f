"""Folded kernels against timm's, and gray images against gray RGB."""

import keras
import numpy as np
import pytest
from conventions import CAFFE, claim
from keras import layers
from timm_reference import import_timm

import keras_senet
from keras_senet.layers import Provenance
from keras_senet.preprocessing import input_convention


def small(data_format="channels_last", entry=(), **convolution):
    """Two convolutions behind padding, with biases and moving statistics."""
    first = data_format == "channels_first"
    images = keras.Input((3, 9, 8) if first else (9, 8, 3))
    x = Provenance({"network": "small"}, claim(CAFFE))(images)
    for layer in entry:
        x = layer(x)
    x = layers.ZeroPadding2D(2, data_format=data_format)(x)
    settings = {"data_format": data_format, "strides": 2, **convolution}
    x = layers.Conv2D(6, 3, name="first", **settings)(x)
    x = layers.BatchNormalization(axis=1 if first else -1)(x)
    x = layers.Conv2D(4, 3, data_format=data_format, name="second")(x)
    x = layers.GlobalAveragePooling2D(data_format=data_format)(x)
    return varied(keras.Model(images, layers.Dense(3)(x), name="small"))


def varied(model):
    rng = np.random.default_rng(2)
    model.set_weights(
        [
            rng.uniform(0.2, 1, w.shape) * rng.choice([-1, 1])
            for w in model.get_weights()
        ]
    )
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.abs(layer.moving_variance))
    return model


def output(model, x):
    return keras.ops.convert_to_numpy(model(x))


def gray(model, channels=1):
    shape = [2, *model.input_shape[1:]]
    shape[-1] = channels
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def test_gray_images_have_the_output_of_gray_rgb():
    model = small()
    before = model.get_weights()
    adapted = keras_senet.adapt_input_channels(model, 1)
    x = gray(model)
    expected = output(model, np.repeat(x, 3, axis=-1))
    np.testing.assert_allclose(output(adapted, x), expected, rtol=1e-5, atol=1e-5)
    assert adapted.input_shape == (None, 9, 8, 1)
    assert adapted.name == "small"
    for old, same in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, same)


def test_channels_first():
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has no such convolutions on CPU")
    keras.config.set_image_data_format("channels_first")
    model = small("channels_first")
    adapted = keras_senet.adapt_input_channels(model, 1)
    assert adapted.input_shape == (None, 1, 9, 8)
    x = np.random.default_rng(1).normal(size=(2, 1, 9, 8)).astype("float32")
    expected = output(model, np.repeat(x, 3, axis=1))
    np.testing.assert_allclose(output(adapted, x), expected, rtol=1e-5, atol=1e-5)


def test_channels_first_shape():
    adapted = keras_senet.adapt_input_channels(small("channels_first"), 4)
    assert adapted.input_shape == (None, 4, 9, 8)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_constant_images_have_the_same_output(n):
    """The sum of the folded kernels stays, if R, G and B have equal shares."""
    model = small()
    kernel = model.get_layer("first").kernel
    red = keras.ops.convert_to_numpy(kernel)[:, :, :1]
    kernel.assign(np.repeat(red, 3, axis=2))
    adapted = keras_senet.adapt_input_channels(model, n)
    np.testing.assert_allclose(
        output(adapted, np.ones((1, 9, 8, n), "float32")),
        output(model, np.ones((1, 9, 8, 3), "float32")),
        rtol=1e-5,
        atol=1e-5,
    )


def test_three_channels_are_an_equal_copy_that_shares_nothing():
    model = small()
    copy = keras_senet.adapt_input_channels(model, 3)
    for old, new in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    x = gray(model, 3)
    expected = output(model, x)
    copy.compile("sgd", "mse")
    copy.fit(x, np.ones((2, 3)), verbose=0)
    np.testing.assert_array_equal(output(model, x), expected)
    assert np.abs(output(copy, x) - expected).max() > 1e-3


def test_frozen_layers_stay_frozen():
    model = small()
    model.get_layer("first").trainable = False
    adapted = keras_senet.adapt_input_channels(model, 4)
    assert not adapted.get_layer("first").kernel.trainable
    assert adapted.get_layer("second").kernel.trainable


@pytest.mark.parametrize(
    ("n", "mean"),
    [
        (1, (344 / 3,)),
        (2, (123.0, 117.0)),
        (4, (123.0, 117.0, 104.0, 123.0)),
    ],
)
def test_the_convention_is_adapted_too(n, mean, tmp_path):
    model = small()
    adapted = keras_senet.adapt_input_channels(model, n)
    adapted.save(tmp_path / "adapted.keras")
    for each in (adapted, keras.models.load_model(tmp_path / "adapted.keras")):
        assert input_convention(each).mean == pytest.approx(mean)
        assert input_convention(each).std == (1.0,) * n
    x = keras_senet.preprocess_input(np.zeros((2, 5, 5, n), "uint8"), adapted)
    np.testing.assert_allclose(x[1, 2, 3], np.negative(mean), rtol=1e-6)
    assert input_convention(model) == CAFFE


def test_a_nested_backbone_behind_flips():
    backbone = small()
    flips = keras.Sequential([keras.Input((9, 8, 3)), layers.Identity()], name="flips")
    model = keras.Sequential([keras.Input((9, 8, 3)), flips, backbone])
    adapted = keras_senet.adapt_input_channels(model, 1)
    x = gray(model)
    expected = output(model, np.repeat(x, 3, axis=-1))
    np.testing.assert_allclose(output(adapted, x), expected, rtol=1e-5, atol=1e-5)


def test_scalar_rescaling_passes_and_that_of_each_channel_does_not():
    model = small(entry=[layers.Rescaling(1 / 127.5, -1.0)])
    adapted = keras_senet.adapt_input_channels(model, 1)
    x = gray(model)
    expected = output(model, np.repeat(x, 3, axis=-1))
    np.testing.assert_allclose(output(adapted, x), expected, rtol=1e-4, atol=1e-5)
    model = small(entry=[layers.Rescaling([1.0, 2.0, 3.0], name="each")])
    with pytest.raises(
        ValueError, match=r"constants or weights of each channel.*'each'"
    ):
        keras_senet.adapt_input_channels(model, 1)


def test_networks_of_the_package_and_of_keras():
    ours = keras_senet.SEResNet20(weights=None)
    assert keras_senet.adapt_input_channels(ours, 4).input_shape == (None, 32, 32, 4)
    with pytest.raises(ValueError, match="'normalization' of type Normalization"):
        images = keras.Input((32, 32, 3))
        keras_senet.adapt_input_channels(
            keras.Model(
                images,
                layers.Conv2D(2, 1)(layers.Normalization(name="normalization")(images)),
            ),
            1,
        )


def test_what_cannot_be_adapted_is_refused():
    adapt = keras_senet.adapt_input_channels
    for n in (0, -1, 1.0, True, None):
        with pytest.raises(ValueError, match="`n` should be a positive integer"):
            adapt(small(), n)
    with pytest.raises(ValueError, match="functional or sequential"):
        adapt(keras.Sequential([layers.Conv2D(2, 3)]), 1)
    with pytest.raises(ValueError, match="'first' of type Conv2D"):
        adapt(small(groups=3), 1)
    gray_model = adapt(small(), 1)
    with pytest.raises(ValueError, match=r"images of 3 channels.*\(None, 9, 8, 1\)"):
        adapt(gray_model, 4)
    images = keras.Input((9, 8, 3))
    with pytest.raises(ValueError, match="reach 'activation_mix'"):
        x = layers.Activation("softmax", name="activation_mix")(images)
        adapt(keras.Model(images, layers.Conv2D(2, 1)(x)), 1)
    with pytest.raises(ValueError, match=r"first convolutions \[\]"):
        adapt(keras.Model(images, layers.ReLU()(images)), 1)
    two = [images, keras.Input((2,))]
    with pytest.raises(ValueError, match=r"one input\. Received: two with 2"):
        adapt(keras.Model(two, layers.Conv2D(2, 1)(images), name="two"), 1)


@pytest.mark.parity
@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_kernels_are_those_of_timm(n):
    import torch

    import_timm()
    from timm.models._manipulate import adapt_input_conv

    model = small()
    kernel = model.get_layer("first").get_weights()[0]
    theirs = adapt_input_conv(n, torch.tensor(kernel.transpose(3, 2, 0, 1).copy()))
    adapted = keras_senet.adapt_input_channels(model, n)
    ours, bias = adapted.get_layer("first").get_weights()
    expected = theirs.numpy().transpose(2, 3, 1, 0)
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(bias, model.get_layer("first").get_weights()[1])
