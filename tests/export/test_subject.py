import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.errors import InputError

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    from keras_senet.export import Preparation, describe, prepare
    from keras_senet.export.description import AS_IS, PIXELS, Description

SMALL = {"weights": None, "input_shape": (32, 32, 3), "classes": 5}


def with_checkpoint():
    """A network that says that its weights are published ones."""
    model = keras_senet.SEResNet18(**SMALL)
    published = {"mean": (120.0, 110.0, 100.0), "std": (50.0, 60.0, 70.0)}
    fields = {**published, "size": 224, "crop": 0.875, "interpolation": "bicubic"}
    known = {"tag": "legacy_seresnet18", "input": fields}
    model.get_layer("provenance").checkpoint = known
    return model, np.array(published["mean"]), np.array(published["std"])


def test_published_networks_take_pixels():
    model, mean, std = with_checkpoint()
    described = describe(model)
    told = described.description
    assert (told.pixels, told.output) == (PIXELS, "probabilities")
    assert told.preparation == Preparation(size=32, shorter=36, interpolation="bicubic")
    assert told.origin == {"checkpoint": "legacy_seresnet18"}
    assert told.license == "Apache-2.0"
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3))
    np.testing.assert_allclose(
        described.model.predict_on_batch(pixels.astype("float32")),
        model.predict_on_batch(((pixels - mean) / std).astype("float32")),
        atol=1e-5,
    )


def test_others_are_taken_as_they_are():
    plain = keras_senet.SEResNet18(**SMALL)
    assert describe(plain).model is plain
    assert describe(plain).description.pixels == AS_IS
    assert describe(plain).description.preparation is None
    inputs = keras.Input((32, 32, 3))
    scaled = keras.Model(inputs, plain(keras.layers.Rescaling(1 / 255)(inputs)))
    assert describe(scaled).description.pixels == PIXELS
    assert describe(scaled).description.preparation == Preparation(size=32, shorter=32)


def test_class_names_are_those_of_the_head_or_those_given():
    model = keras_senet.SEResNet18(**SMALL)
    assert describe(model).description.class_names is None
    model.get_layer("predictions").class_names = "abcde"
    assert describe(model).description.class_names == tuple("abcde")
    names = ("v", "w", "x", "y", "z")
    assert describe(model, class_names=names).description.class_names == names
    with pytest.raises(InputError, match="each of the 5 outputs"):
        describe(model, class_names=("a", "b"))


def test_descriptions_survive_json():
    model, _, _ = with_checkpoint()
    told = describe(model, class_names="abcde", license="MIT").description
    assert Description.from_json(told.to_json()) == told
    with pytest.raises(InputError, match="cannot be read"):
        Description.from_json("[]")


@pytest.mark.parametrize(
    ("top", "name"), [("softmax", "probabilities"), (None, "logits")]
)
def test_outputs_have_names(top, name):
    model = keras_senet.SEResNet18(**SMALL, classifier_activation=top)
    assert describe(model).description.output == name
    bare = keras_senet.SEResNet18(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    assert describe(bare).description.output == "features"


def headed(units, channels=3, **settings):
    inputs = keras.Input((8, 8, channels))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(0.01)(inputs))
    return keras.Model(inputs, keras.layers.Dense(units, **settings)(x))


def test_single_numbers_are_no_classes():
    assert describe(headed(1)).description.output == "features"
    assert describe(headed(2)).description.output == "logits"
    sigmoid = describe(headed(1, activation="sigmoid"))
    assert sigmoid.description.output == "probabilities"
    model = headed(2)
    late = keras.layers.Activation("linear", dtype="float32")(model.outputs[0])
    whole = describe(keras.Model(model.inputs, late))
    assert whole.description.output == "logits"


def test_photographs_are_for_models_of_rgb():
    assert describe(headed(2, channels=1)).description.preparation is None
    with pytest.raises(InputError, match="for models of RGB"):
        describe(headed(2, channels=1), preparation=Preparation(size=8, shorter=8))


@pytest.mark.parametrize("name", ["two\nlines", 7, "\udcff"])
def test_class_names_are_lines(name):
    with pytest.raises(InputError, match="can be printed in a line"):
        describe(headed(2), class_names=("a", name))


def test_nested_models_and_operations_are_compared_in_single():
    from scipy.signal import correlate

    keras.config.set_dtype_policy("mixed_bfloat16")
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    inputs = keras.Input((8, 8, 3))
    x = keras.ops.relu(inner(inputs) * 0.5)
    mixed = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    keras.config.set_dtype_policy("float32")
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    kernel = np.asarray(mixed.get_weights()[0], "float32")
    maps = [
        correlate(image, kernel[..., f], mode="valid")[..., 0]
        for image in images
        for f in range(4)
    ]
    expected = np.maximum(np.reshape(maps, (2, 4, 6, 6)) * 0.5, 0).mean(axis=(2, 3))
    found = describe(mixed).model.predict_on_batch(images)
    np.testing.assert_allclose(np.asarray(found, "float32"), expected, rtol=1e-4)


def test_mixed_precision_is_compared_in_single():
    keras.config.set_dtype_policy("mixed_bfloat16")
    mixed = keras_senet.SEResNet18(**SMALL)
    keras.config.set_dtype_policy("float32")
    whole = describe(mixed).model
    single = keras_senet.SEResNet18(**SMALL)
    single.set_weights(mixed.get_weights())
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(
        whole.predict_on_batch(images), single.predict_on_batch(images), atol=1e-6
    )


def test_images_are_made_up_or_checked():
    model, _, _ = with_checkpoint()
    subject = prepare(model)
    assert subject.images.shape == (16, 32, 32, 3)
    assert subject.images.dtype == np.uint8
    assert len(np.unique(subject.images)) > 200
    assert subject.images_from.startswith("synthetic")
    with pytest.raises(InputError, match=r"\(32, 32, 3\). Received: .*\(1, 8, 8, 3\)"):
        prepare(model, np.zeros((1, 8, 8, 3)))


def test_uint8_files_agree_and_want_pixels():
    model, _, _ = with_checkpoint()
    subject = prepare(model, uint8_input=True)
    assert subject.model.inputs[0].dtype == "uint8"
    np.testing.assert_allclose(
        subject.model.predict_on_batch(subject.images), subject.expected, atol=1e-5
    )
    with pytest.raises(InputError, match="wants a model that takes RGB"):
        prepare(keras_senet.SEResNet18(**SMALL), uint8_input=True)


def twice():
    inputs = keras.Input((4, 4, 3))
    return keras.Model(inputs, [inputs, keras.layers.ReLU()(inputs)])


def of_one_batch():
    inputs = keras.Input(batch_shape=(2, 4, 4, 3))
    return keras.Model(inputs, keras.layers.ReLU()(inputs))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (twice, "1 inputs and 2 outputs"),
        (of_one_batch, r"Received: \(2, 4, 4, 3\)"),
        (lambda: keras.Sequential([keras.layers.ReLU()]), "that is built"),
        (lambda: "model", "should be a Keras model. Received: str"),
    ],
)
def test_what_cannot_be_exported_is_refused(model, message):
    with pytest.raises(InputError, match=message):
        describe(model())
