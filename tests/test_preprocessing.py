"""Normalization by hand in float64, and the models that say what they want."""

import warnings

import keras
import numpy as np
import pytest
from conventions import BICUBIC, CAFFE, RACM, claim
from keras import layers

import keras_senet
from keras_senet.layers import Provenance
from keras_senet.preprocessing import input_convention, normalization_layer
from keras_senet.weights import catalog
from keras_senet.weights.checkpoint import InputConvention

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype("uint8")
EXPECTED = {
    RACM: (PIXELS / 255 - np.array(MEAN)) / np.array(STD),
    CAFFE: PIXELS.astype("float64") - np.array([123, 117, 104]),
}


def network(checkpoint=None, entry=()):
    x = images = keras.Input((None, None, 3))
    for layer in entry:
        x = layer(x)
    x = Provenance({"network": "small"}, checkpoint, name="provenance")(x)
    x = layers.Conv2D(2, 1, name="conv")(x)
    return keras.Model(images, layers.GlobalAveragePooling2D()(x), name="small")


@pytest.mark.parametrize("source", [RACM, CAFFE], ids=["timm", "caffe"])
def test_images_of_every_kind(source):
    expected = EXPECTED[source]
    kinds = [PIXELS, PIXELS.astype("float32"), PIXELS.astype("float64")]
    for x in [*kinds, PIXELS.astype("float16")]:
        before = x.copy()
        y = keras_senet.preprocess_input(x, source)
        assert isinstance(y, np.ndarray) and y.dtype == "float32"
        np.testing.assert_allclose(y, expected, atol=2e-5)
        np.testing.assert_array_equal(x, before)
        y = keras_senet.preprocess_input(keras.ops.convert_to_tensor(x), source)
        assert keras.ops.is_tensor(y)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(y), expected, atol=2e-5)
    first = keras_senet.preprocess_input(
        PIXELS.transpose(0, 3, 1, 2), source, data_format="channels_first"
    )
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), expected, atol=2e-5)
    one = keras_senet.preprocess_input(PIXELS[1], source)
    np.testing.assert_allclose(one, expected[1], atol=2e-5)


def test_the_dtype_is_the_global_one():
    keras.config.set_floatx("bfloat16")
    try:
        for x in (PIXELS, keras.ops.convert_to_tensor(PIXELS)):
            y = keras_senet.preprocess_input(x, RACM)
            assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    finally:
        keras.config.set_floatx("float32")


def test_inside_of_a_functional_model():
    images = keras.Input((5, 4, 3), dtype="uint8")
    model = keras.Model(images, keras_senet.preprocess_input(images, RACM))
    y = model.predict(PIXELS, verbose=0)
    np.testing.assert_allclose(y, EXPECTED[RACM], atol=2e-5)


@pytest.mark.parametrize("source", [RACM, CAFFE], ids=["timm", "caffe"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("set_globally", [True, False])
def test_layers_compute_the_same(source, data_format, set_globally):
    if set_globally:
        keras.config.set_image_data_format(data_format)
    keras.config.set_dtype_policy("mixed_bfloat16")
    (layer,) = keras_senet.preprocessing_layers(source, data_format=data_format)
    first = data_format == "channels_first"
    x = PIXELS.transpose(0, 3, 1, 2) if first else PIXELS
    y = keras.ops.convert_to_numpy(type(layer).from_config(layer.get_config())(x))
    y = y.transpose(0, 2, 3, 1) if first else y
    np.testing.assert_allclose(y, EXPECTED[source], atol=3e-5)


def test_layers_with_the_resizing_of_the_test():
    convention = InputConvention(size=288, crop=0.95, interpolation="bicubic")
    resize, normalize = keras_senet.preprocessing_layers(convention, resize=True)
    # timm's numbers of this test.
    assert (resize.size, resize.shorter, resize.interpolation) == (288, 303, "bicubic")
    x = np.full((1, 20, 30, 3), 51, "uint8")
    y = keras.ops.convert_to_numpy(normalize(resize(x)))
    assert y.shape == (1, 288, 288, 3)
    expected = (0.2 - np.array(MEAN)) / np.array(STD)
    np.testing.assert_allclose(y[0, 100, 200], expected, atol=2e-5)


def test_the_normalization_of_runs_is_imagenets():
    y = keras.ops.convert_to_numpy(normalization_layer()(PIXELS))
    np.testing.assert_allclose(y, EXPECTED[RACM], atol=2e-5)


def test_a_model_says_what_it_wants_through_all_that_is_done_to_it(tmp_path):
    model = network(claim(BICUBIC))
    outer = keras.Input((8, 8, 3))
    clone = keras.models.clone_model(model)
    model.save(tmp_path / "model.keras")
    tuned = keras.Model(
        model.input, layers.Dense(4)(model.get_layer("conv").output), name="tuned"
    )
    models = [
        model,
        clone,
        tuned,
        keras.models.load_model(tmp_path / "model.keras"),
        keras.Model(model.input, model.get_layer("conv").output),
        keras.Model(outer, layers.Dense(4)(model(outer))),
        keras.Sequential([outer, model, layers.Dense(4)]),
        keras_senet.insert_squeeze_excite(model, "conv", reduction=2),
        RACM,
        BICUBIC,
    ]
    for each in models:
        assert input_convention(each) == BICUBIC


def test_a_tag_is_looked_up(monkeypatch):
    known = {"a.tag": RACM}
    monkeypatch.setattr(catalog, "checkpoint", known.__getitem__, raising=False)
    y = keras_senet.preprocess_input(PIXELS, "a.tag")
    np.testing.assert_allclose(y, EXPECTED[RACM], atol=2e-5)


def test_models_without_a_checkpoint_are_refused():
    for model in (network(), keras.Sequential([keras.Input((4, 4, 3))])):
        with pytest.raises(ValueError, match=r"carries no checkpoint.*pass the tag"):
            keras_senet.preprocess_input(PIXELS, model)
    with pytest.raises(ValueError, match=r"the tag of a checkpoint. Received: None"):
        keras_senet.preprocess_input(PIXELS, None)


def test_members_that_want_different_images_are_refused():
    images = keras.Input((8, 8, 3))
    x = Provenance({}, claim(BICUBIC))(images)
    both = keras.Model(images, Provenance({}, claim(CAFFE))(x))
    with pytest.raises(ValueError, match=r"directly on its images"):
        input_convention(both)


class Wrapped(keras.Model):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, images):
        return self.inner(images / 255)


def test_models_with_layers_before_the_network_are_refused():
    model = network(claim(BICUBIC))
    images = keras.Input((8, 8, 3))
    models = [
        network(claim(BICUBIC), entry=[normalization_layer()]),
        keras.Sequential([images, layers.Rescaling(1 / 255), model]),
        keras.Model(images, model(layers.Rescaling(1 / 255)(images))),
        Wrapped(model),
    ]
    for each in models:
        with pytest.raises(ValueError, match=r"takes RGB in 0\.\.255 as it is"):
            keras_senet.preprocess_input(PIXELS, each)


@pytest.mark.parametrize(
    ("x", "arguments", "message"),
    [
        (PIXELS[..., :1], {}, r"3 channels.*'channels_last'.*\(2, 5, 4, 1\)"),
        (PIXELS[0, 0], {}, r"Received: x of shape \(4, 3\)"),
        (PIXELS[np.newaxis], {}, r"Received: x of shape \(1, 2, 5, 4, 3\)"),
        (PIXELS, {"data_format": "channels_first"}, "'channels_first'"),
        (PIXELS, {"data_format": "NHWC"}, "Received: data_format='NHWC'"),
        ([[1, 2, 3]], {}, "`x` should be a NumPy array or a tensor"),
    ],
)
def test_what_is_no_image_is_refused(x, arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_senet.preprocess_input(x, RACM, **arguments)


def test_images_that_are_scaled_already_give_a_warning():
    scaled = PIXELS / 255
    done = keras_senet.preprocess_input(PIXELS, RACM)
    for x in (scaled, scaled * 2 - 1, done, keras.ops.convert_to_tensor(scaled)):
        with pytest.warns(UserWarning, match="as if it were scaled already") as caught:
            keras_senet.preprocess_input(x, RACM)
        ours = [each for each in caught if each.category is UserWarning]
        assert [each.filename for each in ours] == [__file__]


def test_dark_images_and_empty_batches_give_none():
    dark = np.zeros((1, 4, 4, 3), "float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for x in (dark, dark + 4, dark[:0], (dark + 1).astype("uint8")):
            assert keras_senet.preprocess_input(x, RACM).shape == x.shape


@pytest.mark.usefixtures("only_tensorflow")
def test_inside_of_tf_data():
    import tensorflow as tf

    data = tf.data.Dataset.from_tensors(PIXELS.astype("float32"))
    (y,) = data.map(lambda x: keras_senet.preprocess_input(x, RACM))
    np.testing.assert_allclose(y, EXPECTED[RACM], atol=2e-5)
