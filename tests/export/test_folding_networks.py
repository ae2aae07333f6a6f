"""Whole networks: the same logits, and exactly so many normalizations left."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from folded import folded_alike, kinds
from seeded import images, seed_weights, tiny
from small import NAMES, spec

from keras_senet.export.folding import count_operations
from keras_senet.layers import Provenance, ShakeShake
from keras_senet.models.application import application
from keras_senet.models.families import NETWORKS, SPECS
from keras_senet.models.graph import leaves

# One for each unit (He et al., 2016: between a sum and a ReLU) and one at the end. The
# first unit's goes into the stem, whose output is used nowhere else.
LEFT = {"se_resnet164": 54, "se_wide_resnet16_8": 6}
# Other depths of networks that are there.
SIBLINGS = (
    *("se_resnet34", "se_resnet101", "se_resnext101", "se_resnext101_64x4d"),
    *("se_resnext101_32x8d", "se_resnet32", "se_resnet56", "se_resnet110"),
)
SMALL = {
    **{name: (spec(name), 0) for name in NAMES},
    "se_resnet152d": (
        replace(SPECS["se_resnet152d"], depths=(1, 1), widths=(16, 32), size=64),
        0,
    ),
    "se_resnet164": (replace(SPECS["se_resnet164"], depths=(2, 1, 1)), 4),
    "se_wide_resnet16_8": (
        replace(SPECS["se_wide_resnet16_8"], depths=(1, 2, 1), widths=(32, 16, 32)),
        4,
    ),
    "se_shake_shake26_2x96d": (
        replace(SPECS["se_shake_shake26_2x96d"], depths=(1, 1, 1), widths=(8, 16, 32)),
        0,
    ),
}


def check(model, left):
    """Folds a network."""
    folded = folded_alike(model, images(model))
    found = kinds(folded)
    assert found.count("ScaleAndShift") == left
    assert not {"BatchNormalization", "Dropout", "Rescaling"} & set(found)
    assert not any(isinstance(x, (Provenance, ShakeShake)) for x in leaves(folded))
    for excite in ("SqueezeExcite", "Conv2D", "GroupedConv2D", "Classifier"):
        assert found.count(excite) == kinds(model).count(excite)
    before, after = count_operations(model), count_operations(folded)
    normalizations = kinds(model).count("BatchNormalization")
    assert after <= before - normalizations + left


@pytest.mark.parametrize("name", SMALL)
def test_small_networks(name):
    made, left = SMALL[name]
    build = application("Small", name, made)
    drop = {"dropout": 0.2, "drop_path": 0.1}
    model = build(weights=None, classes=7, classifier_activation=None, **drop)
    seed_weights(model)
    check(model, left)


# Where no SE stands between, a normalization goes through a sum of two convolutions.
@pytest.mark.parametrize(
    ("placement", "left"), [("pre", 2), ("post", 4), ("identity", 4), ("3x3", 2)]
)
def test_placements(placement, left):
    made, _ = SMALL["se_resnet164"]
    build = application("Small", "se_resnet164", made)
    model = build(weights=None, se_placement=placement, classifier_activation=None)
    seed_weights(model)
    check(model, left)


def marked(name):
    return pytest.param(name, marks=pytest.mark.rare if name in SIBLINGS else ())


@pytest.mark.slow
@pytest.mark.parametrize("name", map(marked, NETWORKS))
def test_every_network(name):
    check(tiny(NETWORKS[name], name), LEFT.get(name, 0))


# Normalizations that are left.
APPLICATIONS = {
    "MobileNetV2": 0,
    # One for each of 16 units, and one at the end.
    "ResNet50V2": 17,
    # After the concatenations: one for each of 58 layers, 3 transitions, the end.
    "DenseNet121": 62,
    # The mean of the images, which are padded then.
    "EfficientNetB0": 1,
    "Xception": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_networks_of_keras(name):
    side = 96 if name == "Xception" else 64
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(side, side, 3), classifier_activation=None
    )
    seed_weights(model)
    x = images(model)
    if name == "EfficientNetB0":
        x = np.clip(128 + 64 * x, 0, 255)
        layer = model.get_layer("normalization")
        moments = ([0.485, 0.456, 0.406], [0.052, 0.05, 0.051], 0)
        layer.set_weights([np.array(x) for x in moments])
        layer.finalize_state()
    folded = folded_alike(model, x)
    assert "BatchNormalization" not in kinds(folded)
    assert kinds(folded).count("ScaleAndShift") == APPLICATIONS[name]
    gone = kinds(model).count("BatchNormalization") - APPLICATIONS[name]
    assert count_operations(folded) <= count_operations(model) - gone
