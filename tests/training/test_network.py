"""The network of a recipe: its arguments, normalization, weights and copies."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.errors import InputError
from keras_senet.training.copies import plain_copy
from keras_senet.training.data import class_weights
from keras_senet.training.network import build
from keras_senet.training.recipe_text import recipe_from

pytestmark = pytest.mark.usefixtures("only_tensorflow")
PIXELS = np.array([[[[200.0, 100.0, 50.0]]]], "float32")
# Of ImageNet, in 0..255.
MEAN = [123.675, 116.28, 103.53]


@pytest.fixture(scope="module")
def source():
    from keras_senet.data.digits import digits

    return digits()


def built(source, *words):
    return build(recipe_from({}, ["--data.image_size=8", *words]), source)


def test_only_the_mean_is_subtracted_and_that_is_saved(source, tmp_path):
    model = built(source, "--data.normalization=mean")
    copy = plain_copy(model, 8)
    copy.save(tmp_path / "a.keras")
    for each in (model, keras.models.load_model(tmp_path / "a.keras")):
        found = each.get_layer("normalization")(PIXELS)
        np.testing.assert_allclose(found, PIXELS - MEAN, rtol=1e-5)


def test_arguments_reach_the_network(source):
    facts = built(source, "--model.reduction=4", "--model.squeeze=max")
    facts = facts.get_layer("provenance").facts
    assert (facts["reduction"], facts["squeeze"]) == (4, "max")
    plain = built(source, "--model.reduction=null")
    assert not [x for x in plain.layers if "_se" in x.name]


def test_what_a_network_does_not_have_is_refused(source):
    with pytest.raises(InputError, match="se_mobilenet has no se_placement"):
        built(source, "--model.name=se_mobilenet", "--model.se_placement=pre")
    with pytest.raises(InputError, match=r"se_resnet20: .*se_placement"):
        built(source, "--model.se_placement=nowhere")
    with pytest.raises(InputError, match=r"se_resnet20: .*"):
        built(source, "--model.weights=no/such/file.keras")


def test_weights_of_a_file_with_other_classes(source, tmp_path):
    network = keras_senet.SEResNet20(weights=None, classes=7, input_shape=(8, 8, 3))
    network.save(tmp_path / "mine.keras")
    with pytest.warns(UserWarning, match="Not loaded: predictions"):
        model = built(source, f"--model.weights={tmp_path / 'mine.keras'}")
    assert model.output_shape == (None, 10)
    np.testing.assert_array_equal(
        model.get_layer("stage4_block1_conv1").get_weights()[0],
        network.get_layer("stage4_block1_conv1").get_weights()[0],
    )


def test_another_size_for_tests(source):
    model = built(source, "--evaluation.image_size=16")
    assert model.input_shape == (None, None, None, 3)
    copy = plain_copy(model, 16)
    copy.set_weights(model.get_weights())
    assert copy.input_shape == (None, 16, 16, 3)
    x = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    np.testing.assert_array_equal(copy(x), model(x))


def test_mixed_precision_is_not_saved(source):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = built(source)
    keras.config.set_dtype_policy("float32")
    assert model.get_layer("stem_conv").compute_dtype == "bfloat16"
    copy = plain_copy(model, 8)
    assert {layer.compute_dtype for layer in copy.layers} == {"float32"}


def test_class_weights_make_all_classes_weigh_the_same(source):
    counts = source.train.class_counts(10)
    weights = class_weights(source)
    np.testing.assert_allclose(weights * counts, counts.sum() / 10, rtol=1e-6)
