import importlib.util
import json
from pathlib import Path

import keras
import pytest

import keras_senet
from keras_senet.models.families import NETWORKS, SPECS

GOLDENS = Path(__file__).parents[1] / "goldens"
spec = importlib.util.spec_from_file_location("regenerate", GOLDENS / "regenerate.py")
regenerate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(regenerate)
RECORDED = json.loads((GOLDENS / "networks.json").read_text())
AUTHORS = json.loads((GOLDENS / "authors.json").read_text())

# Trainable parameters as published: with SE, without, and of the legacy releases.
PUBLISHED = {
    "se_resnet18": (11_778_592, None),
    "se_resnet34": (21_958_868, None),
    "se_resnet50": (28_088_024, 25_557_032),
    "se_resnet101": (49_326_872, 44_549_160),
    "se_resnet152": (66_821_848, 60_192_808),
    "se_resnext26": (16_790_280, None),
    "se_resnext50": (27_559_896, 25_028_904),
    "se_resnext101": (48_955_416, 44_177_704),
    "senet154": (115_088_984, 108_459_944),
    "se_bn_inception": (11_931_622, 11_285_224),
    "se_inception_resnet_v2": (55_813_192 + 9_249_254, 55_813_192),
}
KERAS_TOTALS = {
    "se_resnet50": 28_141_144,
    "se_resnet101": 49_432_216,
    "se_resnet152": 66_973_272,
    "se_resnext50": 27_628_120,
    "se_resnext101": 49_093_272,
    "senet154": 115_336_536,
    "se_bn_inception": 11_951_654,
}
AUTHORS_NAMES = {
    "SE-ResNet-50": "se_resnet50",
    "SE-ResNet-101": "se_resnet101",
    "SE-ResNet-152": "se_resnet152",
    "SE-ResNeXt-50": "se_resnext50",
    "SE-ResNeXt-101": "se_resnext101",
    "SENet-154": "senet154",
}


def shapes_only(name, **arguments):
    with keras.StatelessScope(initialize_variables=False):
        return NETWORKS[name](weights=None, **arguments)


def trainable(model):
    return sum(regenerate._size(w) for w in model.trainable_weights)


def test_every_network_is_public_and_has_a_golden():
    functions = {network.__name__ for network in NETWORKS.values()}
    assert functions <= set(keras_senet.__all__)
    assert list(RECORDED) == list(NETWORKS) == list(SPECS)


@pytest.mark.parametrize("name", NETWORKS)
def test_golden(name):
    assert regenerate.describe(name) == RECORDED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name):
    with_se, without = PUBLISHED[name]
    assert trainable(shapes_only(name)) == with_se
    if name in KERAS_TOTALS:
        assert shapes_only(name).count_params() == KERAS_TOTALS[name]
    if without:
        assert trainable(shapes_only(name, reduction=None)) == without


# Section 6.4 of the journal paper and equation 5, as exact counts.
@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({"use_bias": False}, 28_071_976),
        ({"use_bias": False, "reduction": 2}, 45_676_584),
        ({"use_bias": False, "reduction": 4}, 35_616_808),
        ({"use_bias": False, "reduction": 8}, 30_586_920),
        ({"use_bias": False, "reduction": 32}, 26_814_504),
        ({"se_stages": (2, 3, 4)}, 26_508_632),
        ({"se_stages": (2, 3, 4), "use_bias": False}, 26_499_112),
        ({"se_placement": "3x3", "use_bias": False}, 25_714_216),
        ({"se_placement": "pre", "use_bias": False}, 27_548_200),
        ({"se_placement": "post"}, 28_088_024),
        ({"se_placement": "identity"}, 28_088_024),
        ({"squeeze": None}, 28_088_024),
    ],
)
def test_published_counts_of_variants(arguments, count):
    assert trainable(shapes_only("se_resnet50", **arguments)) == count


@pytest.mark.parametrize("authors_name", AUTHORS_NAMES)
def test_every_convolution_is_the_authors(authors_name):
    theirs = AUTHORS[authors_name]
    model = shapes_only(AUTHORS_NAMES[authors_name], variant="caffe")
    assert trainable(model) == theirs["trainable"]
    with keras.StatelessScope(initialize_variables=False):
        assert keras_senet.count_macs(model) == theirs["macs_224"]
    checked = set()
    for name, kernel, stride, pad, groups, bias, params, out in theirs["convolutions"]:
        if name.endswith(("_down", "_up")):
            check_matrix(model, name, params, out)
            continue
        assert not bias
        layer = model.get_layer(our_name(name, authors_name))
        checked.add(layer.name)
        assert layer.kernel_size == (kernel, kernel)
        assert layer.strides == (stride, stride)
        assert layer.groups == groups
        assert not layer.use_bias
        assert padding(model, layer) == pad
        assert regenerate._size(layer.kernel) == params
        channels, height, width = out
        assert layer.output.shape == (None, height, width, channels)
    ours = {x.name for x in model.layers if isinstance(x, keras.layers.Conv2D)}
    assert checked == ours


def our_name(name, network):
    if name.startswith("conv1"):
        index = name[6] if network == "SENet-154" else ""
        return f"stem_conv{index}"
    stage, block, part = name.removeprefix("conv").split("_", 2)
    ending = {"1x1_reduce": "conv1", "3x3": "conv2", "1x1_increase": "conv3"}
    return f"stage{stage}_block{block}_{ending.get(part, 'proj_conv')}"


def check_matrix(model, name, params, out):
    stage, block, part = name.removeprefix("conv").split("_", 2)
    layer = model.get_layer(f"stage{stage}_block{block}_se")
    step = "reduce" if part == "1x1_down" else "expand"
    kernel, bias = getattr(layer, f"{step}_kernel"), getattr(layer, f"{step}_bias")
    assert kernel.shape[1] == bias.shape[0] == out[0]
    assert regenerate._size(kernel) + regenerate._size(bias) == params


def padding(model, layer):
    if layer.kernel_size == (1, 1):
        return 0
    if layer.padding == "same":
        assert layer.strides == (1, 1)
        return layer.kernel_size[0] // 2
    pad = model.get_layer(layer.name.replace("conv", "pad"))
    assert layer.input is pad.output
    ((top, bottom), (left, right)) = pad.padding
    assert top == bottom == left == right
    return top


def test_mobile_networks_beside_the_journal_paper():
    """Its table 3: 569 and 572, 140 and 142 M operations; 4.2, 4.7, 1.8, 2.4 M."""
    found = {}
    for name in ("se_mobilenet", "se_shufflenet"):
        for reduction in (None, 16):
            model = shapes_only(name, reduction=reduction)
            with keras.StatelessScope(initialize_variables=False):
                macs = keras_senet.count_macs(model)
            # What the squeeze adds up: every element of the maps that it averages.
            blocks = [x for x in model.layers if hasattr(x, "reduce_kernel")]
            squeeze = sum(regenerate._size(x.input[0]) for x in blocks)
            found[name, reduction] = (trainable(model) / 1e6, (macs + squeeze) / 1e6)
    published = {
        ("se_mobilenet", None): (4.2, 569),
        ("se_mobilenet", 16): (4.7, 572),
        ("se_shufflenet", None): (1.8, 140),
        ("se_shufflenet", 16): (2.4, 142),
    }
    for row, (parameters, operations) in published.items():
        assert found[row][0] == pytest.approx(parameters, abs=0.1)
        assert found[row][1] == pytest.approx(operations, rel=0.02)
    added = [
        found[name, 16][0] - found[name, None][0]
        for name in ("se_mobilenet", "se_shufflenet")
    ]
    assert added == pytest.approx([0.5, 0.6], abs=0.05)


# As published by Zagoruyko and Komodakis (2016) and Gastaldi (2017), without SE.
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("se_resnet110", 1.7),
        ("se_resnet164", 1.7),
        ("se_wide_resnet16_8", 11.0),
        ("se_shake_shake26_2x96d", 26.2),
    ],
)
def test_published_counts_of_small_hosts(name, millions):
    count = trainable(shapes_only(name, reduction=None))
    assert round(count / 1e6, 1) == millions
