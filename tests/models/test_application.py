import functools
import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_senet
from keras_senet.models.families import NETWORKS, SPECS
from keras_senet.models.spec import ResidualSpec

KERAS_KEYWORDS = [
    "include_top",
    "weights",
    "input_tensor",
    "input_shape",
    "pooling",
    "classes",
    "classifier_activation",
    "name",
]


def forward(model, images):
    return keras.ops.convert_to_numpy(model(images))


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("name", NETWORKS)
def test_signature_is_that_of_keras_applications(name):
    network = NETWORKS[name]
    parameters = inspect.signature(network).parameters
    assert list(parameters)[:8] == KERAS_KEYWORDS
    reference = inspect.signature(keras.applications.ResNet50).parameters
    assert list(reference)[:8] == KERAS_KEYWORDS
    spec = SPECS[name]
    assert ("variant" in parameters) == (spec.variant is not None)
    assert ("se_placement" in parameters) == (len(spec.placements) > 1)
    assert ("drop_path" in parameters) == isinstance(spec, ResidualSpec)
    for parameter in parameters:
        assert f"\n        {parameter}: " in f"\n    {network.__doc__}"
    assert f"keras_senet.{network.__name__}(" in network.__doc__


def test_networks_without_dialects_refuse_the_argument():
    with pytest.raises(TypeError, match="variant"):
        keras_senet.SEResNet20(variant="caffe")


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({}, (2, 10)),
        ({"classes": 3}, (2, 3)),
        ({"include_top": False}, (2, 8, 8, 64)),
        ({"include_top": False, "pooling": "avg"}, (2, 64)),
        ({"include_top": False, "pooling": "max"}, (2, 64)),
        ({"input_shape": (None, None, 3)}, (2, 10)),
        ({"reduction": None}, (2, 10)),
        ({"squeeze": None}, (2, 10)),
        ({"se_stages": [4], "se_placement": "post"}, (2, 10)),
        ({"dropout": 0.5, "drop_path": 0.2}, (2, 10)),
    ],
)
def test_matrix(arguments, shape):
    model = keras_senet.SEResNet20(**arguments)
    assert forward(model, noise(2, 32, 32, 3)).shape == shape


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(channels):
    model = keras_senet.SEResNet20(input_shape=(32, 32, channels))
    assert forward(model, noise(1, 32, 32, channels)).shape == (1, 10)


def test_probabilities_and_logits():
    model = keras_senet.SEResNet20()
    logits = keras_senet.SEResNet20(classifier_activation=None)
    logits.set_weights(model.get_weights())
    x = noise(3, 32, 32, 3)
    e = np.exp(forward(logits, x))
    np.testing.assert_allclose(
        forward(model, x), e / e.sum(-1, keepdims=True), rtol=1e-4
    )


def test_input_tensor_with_layers_before_it():
    images = keras.Input((32, 32, 3), name="images")
    model = keras_senet.SEResNet20(
        input_tensor=keras.layers.Rescaling(1 / 255)(images), name="mine"
    )
    assert model.name == "mine"
    assert model.input is images
    plain = keras_senet.SEResNet20()
    plain.set_weights(model.get_weights())
    x = noise(1, 32, 32, 3)
    np.testing.assert_allclose(
        forward(model, x * 255), forward(plain, x), rtol=1e-4, atol=1e-5
    )


def test_channels_first_equals_channels_last():
    last = keras_senet.SEResNeXt26(weights=None, input_shape=(32, 32, 3), classes=5)
    keras.config.set_image_data_format("channels_first")
    first = keras_senet.SEResNeXt26(weights=None, input_shape=(3, 32, 32), classes=5)
    first.set_weights(last.get_weights())
    x = noise(2, 32, 32, 3)
    np.testing.assert_allclose(
        forward(first, x.transpose(0, 3, 1, 2)), forward(last, x), atol=1e-5
    )


@settings(max_examples=15, deadline=None)
@given(height=st.integers(4, 40), width=st.integers(4, 40), seed=st.integers(0, 9))
def test_any_size_has_the_ceiling_of_its_stride(height, width, seed):
    model = any_size_model()
    x = np.random.default_rng(seed).normal(size=(1, height, width, 3))
    shape = forward(model, x.astype("float32")).shape
    assert shape == (1, -(-height // 4), -(-width // 4), 64)


@functools.cache
def any_size_model():
    return keras_senet.SEResNet20(include_top=False, input_shape=(None, None, 3))


@pytest.mark.parametrize("size", range(32, 41))
@pytest.mark.parametrize(("variant", "rounded"), [("pytorch", 1), ("caffe", 0)])
def test_stem_pool_sizes_of_the_dialects(size, variant, rounded):
    model = shapes_only("se_resnet18", input_shape=(size, size, 3), variant=variant)
    before = (size + 1) // 2
    # torch: floor((n + 2 - 3) / 2) + 1; caffe: ceil((n - 3) / 2) + 1.
    expected = (before - 1) // 2 + 1 if rounded else -(-(before - 3) // 2) + 1
    assert model.get_layer("stem_pool").output.shape[1] == expected


def shapes_only(name, **arguments):
    with keras.StatelessScope(initialize_variables=False):
        return NETWORKS[name](weights=None, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "imagenet"}, "no published weights of se_resnet20"),
        ({"input_shape": (3, 32, 3)}, "at least 4 pixels"),
        ({"input_shape": (32, 32)}, "defined number of channels"),
        ({"input_shape": (32, 32, None)}, "defined number of channels"),
        ({"pooling": "sum", "include_top": False}, "`pooling` should be"),
        ({"classifier_activation": "relu"}, "`classifier_activation` should be"),
        ({"se_stages": (5,)}, r"`se_stages` should be .*\(2, 3, 4\)"),
        ({"se_stages": ()}, "`reduction=None` builds"),
        ({"se_stages": 2}, "`se_stages` should be .*Received: se_stages=2"),
        ({"gate_activation": "sigmoidal"}, "sigmoidal"),
        ({"se_placement": "3x3"}, "`se_placement` should be .*inside a bottleneck"),
        ({"se_placement": "before"}, "`se_placement` should be"),
        ({"reduction": 0}, "`reduction` should be"),
        ({"dropout": 1.0}, "`dropout` should be"),
        ({"drop_path": -0.1}, "`drop_path` should be"),
        ({"classes": 0}, "`classes` should be .*Received: classes=0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_senet.SEResNet20(**arguments)


def test_variant_and_size_of_imagenet_networks():
    with pytest.raises(ValueError, match="`variant` should be one of"):
        keras_senet.SEResNet50(weights=None, variant="torch")
    with pytest.raises(ValueError, match="at least 32 pixels"):
        keras_senet.SEResNet50(weights=None, input_shape=(31, 64, 3))


def test_all_stages_and_none_are_the_same_network():
    all_of_them = shapes_only("se_resnet20", se_stages=(4, 3, 2))
    function = shapes_only("se_resnet20", gate_activation=keras.activations.sigmoid)
    expected = shapes_only("se_resnet20").get_layer("provenance").facts
    for model in (all_of_them, function):
        assert model.get_layer("provenance").facts == expected


def test_mixed_precision_classifies_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = keras_senet.SEResNet20()
    assert model.get_layer("stage2_block1_conv1").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    outputs = model(noise(2, 32, 32, 3))
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"


def test_drop_path_drops_whole_branches_in_training_only():
    model = keras_senet.SEResNet20(drop_path=0.5)
    rates = [x.rate for x in model.layers if x.name.endswith("drop_path")]
    np.testing.assert_allclose(rates, 0.5 * np.arange(1, 9) / 8)
    layer = model.get_layer("stage4_block3_drop_path")
    dropped = keras.ops.convert_to_numpy(
        layer(np.ones((64, 8, 8, 64), "float32"), training=True)
    )
    per_image = dropped.reshape(64, -1)
    assert (per_image.min(axis=1) == per_image.max(axis=1)).all()
    assert set(np.unique(per_image)) == {0.0, 2.0}
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(layer(np.ones((1, 2, 2, 64)), training=False)), 1
    )


PLACEMENTS = ("standard", "pre", "post", "identity", "3x3")


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_placements_are_where_figure_5_draws_them(placement):
    model = shapes_only("se_resnet50", se_placement=placement)
    block = "stage3_block1"
    se = model.get_layer(f"{block}_se")
    before = {
        "standard": f"{block}_bn3",
        "pre": "stage2_block3_out",
        "post": f"{block}_out",
        "identity": f"{block}_proj_bn",
        "3x3": f"{block}_relu2",
    }[placement]
    after = {
        "standard": f"{block}_add",
        "pre": f"{block}_conv1",
        "post": "stage3_block2_add",
        "identity": f"{block}_add",
        "3x3": f"{block}_conv3",
    }[placement]
    assert se.input is model.get_layer(before).output
    inputs = model.get_layer(after).input
    inputs = inputs if isinstance(inputs, list) else [inputs]
    assert any(x is se.output for x in inputs)


RELOAD = """
import sys, keras, numpy as np, keras_senet
model = keras.models.load_model(sys.argv[1])
x = np.load(sys.argv[2])
np.save(sys.argv[3], keras.ops.convert_to_numpy(model(x)))
"""


@pytest.mark.slow
def test_reload_in_a_fresh_process(tmp_path):
    model = keras_senet.SEResNeXt26(weights=None, input_shape=(32, 32, 3), classes=4)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", noise(2, 32, 32, 3))
    files = [tmp_path / name for name in ("model.keras", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", RELOAD, *map(str, files)], check=True)
    np.testing.assert_allclose(
        np.load(tmp_path / "y.npy"), forward(model, noise(2, 32, 32, 3)), atol=1e-6
    )
