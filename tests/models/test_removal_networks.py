"""Networks without their blocks: every placement, every kind of network."""

import keras
import numpy as np
import pytest
from constant_gates import answers, difference, make_constant
from seeded import CLASSES, SIDES, images, seed_weights, tiny

import keras_senet
from keras_senet.models.families import NETWORKS
from keras_senet.models.graph import leaves
from keras_senet.models.removal import removal

slow = pytest.mark.slow
RARE = [pytest.mark.slow, pytest.mark.rare]
# The network, where its blocks stand, and how many of them have to stay as constants:
# those on shortcuts and behind sums whose map the next unit uses twice, and those
# behind a concatenation with a bare pool.
CASES = [
    ("se_resnet20", "standard", 0),
    ("se_resnet20", "pre", 0),
    ("se_resnet20", "post", 6),
    ("se_resnet20", "identity", 7),
    pytest.param("se_resnet50", "standard", 0, marks=slow),
    pytest.param("se_resnet50", "3x3", 0, marks=slow),
    pytest.param("se_resnext50", "standard", 0, marks=slow),
    pytest.param("se_resnet164", "standard", 0, marks=slow),
    pytest.param("se_resnet164", "3x3", 0, marks=RARE),
    pytest.param("se_wide_resnet16_8", "pre", 0, marks=slow),
    pytest.param("se_shake_shake26_2x96d", "standard", 0, marks=slow),
    pytest.param("se_bn_inception", None, 2, marks=slow),
    pytest.param("se_vgg16", None, 0, marks=slow),
    pytest.param("se_mobilenet", None, 0, marks=slow),
    pytest.param("se_shufflenet", None, 0, marks=slow),
    pytest.param("se_inception_v3", None, 2, marks=slow),
    pytest.param("se_inception_resnet_v2", None, 2, marks=RARE),
]


def built(name, **settings):
    side = SIDES.get(name, 32)
    return NETWORKS[name](
        weights=None,
        input_shape=(side, side, 3),
        classes=CLASSES,
        classifier_activation=None,
        **settings,
    )


@pytest.mark.parametrize(("name", "placement", "kept"), CASES)
def test_constant_gates_and_none(name, placement, kept):
    settings = {} if placement is None else {"se_placement": placement}
    model = tiny(lambda **x: NETWORKS[name](**x, **settings), name)
    x = images(model)
    plain = built(name, reduction=None)
    keras_senet.transfer_weights(model, plain)
    dropped, _ = removal(model)
    np.testing.assert_array_equal(answers(dropped, x), answers(plain, x))
    assert dropped.count_params() == plain.count_params()

    gates = make_constant(model)
    removed, outcomes = removal(model, gates=gates)
    assert difference(model, removed, x) <= 1e-5
    hows = [outcome.how for outcome in outcomes.values()]
    assert hows.count("kept") == kept
    assert hows.count("folded") == len(gates) - kept
    left = [x for x in leaves(removed) if type(x).__name__ == "ConstantGate"]
    assert len(left) == kept
    if not kept and "v3" not in name and "v2" not in name:
        assert removed.count_params() == plain.count_params()


@slow
@pytest.mark.parametrize(
    ("name", "after", "side"),
    [
        ("MobileNetV2", "residual_branches", 64),
        ("ResNet50V2", "residual_branches", 64),
        ("DenseNet121", "concatenations", 64),
    ],
)
def test_networks_of_keras(name, after, side):
    plain = getattr(keras.applications, name)(
        weights=None, input_shape=(side, side, 3), classes=CLASSES
    )
    seed_weights(plain)
    model = keras_senet.insert_squeeze_excite(plain, after)
    x = images(model)
    dropped, _ = removal(model)
    np.testing.assert_array_equal(answers(dropped, x), answers(plain, x))
    gates = make_constant(model)
    removed, outcomes = removal(model, gates=gates)
    assert difference(model, removed, x) <= 1e-5
    # In DenseNet every map is used by all that follow.
    folds = {outcome.how for outcome in outcomes.values()}
    assert folds == ({"folded"} if after == "residual_branches" else {"kept"})


def test_channels_first():
    keras.config.set_image_data_format("channels_first")
    inputs = keras.Input((3, 9, 8))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    for index in (1, 2):
        branch = keras.layers.BatchNormalization(axis=1, name=f"bn{index}")(x)
        branch = keras.layers.Conv2D(4, 3, padding="same", name=f"conv{index}")(branch)
        x = keras.layers.Add()([x, branch])
    model = keras.Model(inputs, x)
    model = keras_senet.insert_squeeze_excite(model, "residual_branches", reduction=2)
    seed_weights(model)
    gates = make_constant(model)
    removed, outcomes = removal(model, gates=gates)
    assert [x.layers for x in outcomes.values()] == [("conv1",), ("conv2",)]
    draw = np.random.default_rng(0)
    x = draw.normal(size=(2, 3, 9, 8)).astype("float32")
    assert difference(model, removed, x) <= 1e-5
