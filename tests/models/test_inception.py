import json
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_senet

GOLDENS = Path(__file__).parents[1] / "goldens"
AUTHORS = json.loads((GOLDENS / "bn_inception.json").read_text())
MODULES = {
    "3a": "stage3_block1",
    "3b": "stage3_block2",
    "3c": "stage4_block1",
    "4a": "stage4_block2",
    "4b": "stage4_block3",
    "4c": "stage4_block4",
    "4d": "stage4_block5",
    "4e": "stage5_block1",
    "5a": "stage5_block2",
    "5b": "stage5_block3",
}
PARTS = {
    "1x1": "branch1_conv",
    "3x3_reduce": "branch2_conv1",
    "3x3": "branch2_conv2",
    "double3x3_reduce": "branch3_conv1",
    "double3x3a": "branch3_conv2",
    "double3x3b": "branch3_conv3",
    "pool": "branch4_pool",
    "pool_proj": "branch4_conv",
    "concat": "concat",
}
# The reductions have no first branch.
REDUCTION_PARTS = {
    "3x3_reduce": "branch1_conv1",
    "3x3": "branch1_conv2",
    "double3x3_reduce": "branch2_conv1",
    "double3x3a": "branch2_conv2",
    "double3x3b": "branch2_conv3",
    "pool/3x3_s2": "branch3_pool",
    "concat": "concat",
}
STEM = {
    "conv1/7x7_s2": "stem_conv",
    "pool1/3x3_s2": "stage2_block1_pool",
    "conv2/3x3_reduce": "stage2_block1_conv1",
    "conv2/3x3": "stage2_block1_conv2",
    "pool2/3x3_s2": "stage3_block1_pool",
    "classifier": "predictions",
}


def our_name(name):
    if name in STEM:
        return STEM[name]
    module, part = name.removeprefix("inception_").split("/", 1)
    parts = REDUCTION_PARTS if module in ("3c", "4e") else PARTS
    return f"{MODULES[module]}_{parts[part]}"


def shapes_only(**arguments):
    with keras.StatelessScope(initialize_variables=False):
        return keras_senet.SEBNInception(weights=None, **arguments)


def pads(model, layer):
    """What is padded before and after, whether by the layer or one before it."""
    before = model.get_layer(layer.name.replace("conv", "pad").replace("pool", "pad"))
    (top, bottom), (left, right) = before.padding
    assert (top, bottom) == (left, right)
    assert layer.input is before.output
    return top, bottom


def check_convolution(model, theirs, layer):
    assert isinstance(layer, keras.layers.Conv2D)
    assert layer.kernel_size == (theirs["kernel"],) * 2
    assert layer.strides == (theirs["stride"],) * 2
    assert layer.groups == theirs["groups"] == 1
    assert layer.use_bias is theirs["bias"] is False
    assert np.prod(layer.kernel.shape) == theirs["params"]
    if theirs["stride"] == 1:
        assert layer.padding == "same"
        assert theirs["pad"] == theirs["kernel"] // 2
    else:
        assert pads(model, layer) == (theirs["pad"],) * 2
    norm = model.get_layer(layer.name.replace("conv", "bn"))
    assert norm.input is layer.output
    assert (norm.epsilon, norm.scale, norm.center) == (1e-5, True, True)


def check_pool(model, theirs, layer):
    kind, kernel, stride, pad = theirs["info"].split()
    kinds = {
        "MAX": keras.layers.MaxPooling2D,
        "AVE": keras.layers.AveragePooling2D,
    }
    assert isinstance(layer, kinds[kind])
    assert layer.pool_size == (int(kernel[1:]),) * 2
    assert layer.strides == (int(stride[1:]),) * 2
    if kind == "MAX" and layer.name.startswith(("stage4", "stage5")):
        # Behind SE zeros may be maxima. Sizes are even for a stride of 2, so that
        # "same" pads one at the end, and on both sides for a stride of 1.
        assert layer.padding == "same"
        assert layer.strides == (1, 1) or layer.input.shape[1] % 2 == 0
        return
    assert layer.padding == "valid"
    before = model.get_layer(layer.name.replace("pool", "pool_pad"))
    assert layer.input is before.output
    # Rounding up without padding is one row and column at the end.
    wanted = (1, 1) if pad == "p1" else (0, 1)
    assert before.padding == (wanted, wanted)


def check_squeeze_excite(model, theirs):
    module, step = theirs["name"].removeprefix("inception_").split("_1x1_")
    layer = model.get_layer(f"{MODULES[module]}_se")
    assert layer.input is model.get_layer(f"{MODULES[module]}_concat").output
    name = {"down": "reduce", "up": "expand"}[step]
    kernel, bias = getattr(layer, f"{name}_kernel"), getattr(layer, f"{name}_bias")
    assert bias.shape[0] == theirs["out"][0]
    assert np.prod(kernel.shape) + bias.shape[0] == theirs["params"]


def test_every_layer_is_the_authors():
    model = shapes_only()
    checked = set()
    for theirs in AUTHORS["layers"]:
        if theirs["name"].endswith(("_down", "_up")):
            check_squeeze_excite(model, theirs)
            continue
        if "global_pool" in theirs["name"] or theirs["name"].startswith("pool5"):
            continue
        layer = model.get_layer(our_name(theirs["name"]))
        checked.add(layer.name)
        channels, height, width = theirs["out"]
        if theirs["type"] == "InnerProduct":
            assert layer.count_params() == theirs["params"]
            continue
        assert layer.output.shape == (None, height, width, channels)
        if theirs["type"] == "Convolution":
            check_convolution(model, theirs, layer)
        elif theirs["type"] == "Pooling":
            check_pool(model, theirs, layer)
        else:
            # The normalization and ReLU of a convolution work in its place.
            ends = [our_name(name) for name in theirs["inputs"]]
            ends = [name.replace("conv", "relu") for name in ends]
            outputs = [model.get_layer(name).output for name in ends]
            assert list(map(id, layer.input)) == list(map(id, outputs))
    kinds = (
        keras.layers.Conv2D,
        keras.layers.MaxPooling2D,
        keras.layers.AveragePooling2D,
        keras.layers.Concatenate,
        keras.layers.Dense,
    )
    assert checked == {x.name for x in model.layers if isinstance(x, kinds)}


def test_operations_are_the_authors():
    model = shapes_only()
    assert AUTHORS["trainable"] == sum(
        np.prod(w.shape) for w in model.trainable_weights
    )
    with keras.StatelessScope(initialize_variables=False):
        assert keras_senet.count_macs(model) == AUTHORS["macs_224"]
        large = keras_senet.count_macs(shapes_only(input_shape=(320, 320, 3)))
    assert large == pytest.approx(4.148e9, abs=5e5)


def fits(side):
    # NETWORKS: ceil(n / 2) after the first convolution, and twice a pool.
    quarter = -(-side // 2) // 4
    return quarter > 0 and quarter % 4 == 0


@pytest.mark.parametrize("side", [31, 38, 159, 166, 191, 198, 223, 225, 230, 255])
def test_sizes_that_fit(side):
    assert fits(side)
    model = shapes_only(input_shape=(side, 224, 3))
    assert model.output_shape == (None, 1000)


@pytest.mark.parametrize(
    ("side", "near"),
    [(39, "31 to 38 and 63 to 70"), (217, "191 to 198 and 223 to 230"), (240, "")],
)
def test_sizes_that_do_not_fit(side, near):
    assert not fits(side)
    with pytest.raises(ValueError, match=f"{near}.* a side of {side} pixels"):
        shapes_only(input_shape=(224, side, 3))


def test_the_rule_is_the_one_of_the_definition():
    from keras_senet.layers.image_size import check_side

    for side in range(1, 400):
        if fits(side):
            check_side(side, 32, -1, 6)
        else:
            with pytest.raises(ValueError, match="near by"):
                check_side(side, 32, -1, 6)


def test_open_sizes_are_checked_when_images_come():
    model = keras_senet.SEBNInception(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    model(np.zeros((1, 32, 38, 3), "float32"))
    with pytest.raises(ValueError, match=r"31 to 38 and 63 to 70.* a side of 40"):
        model(np.zeros((1, 32, 40, 3), "float32"))
    with pytest.raises(ValueError, match="at least 31 pixels"):
        shapes_only(input_shape=(30, 30, 3))


def test_maxima_behind_negative_gates_do_not_see_the_padding():
    model = keras_senet.SEBNInception(
        weights=None,
        include_top=False,
        input_shape=(64, 64, 3),
        gate_activation="tanh",
    )
    for layer in model.layers:
        if isinstance(layer, keras_senet.SqueezeExcite):
            layer.expand_bias.assign(-np.ones(layer.expand_bias.shape))
    x = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype("float32")
    before, pooled = keras.Model(
        model.input,
        [
            model.get_layer("stage3_block2_se").output,
            model.get_layer("stage4_block1_branch3_pool").output,
        ],
    )(x)
    before = keras.ops.convert_to_numpy(before)
    padded = np.pad(before, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    expected = windows[:, ::2, ::2].max((-2, -1))
    assert expected.min() < 0
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(pooled), expected)
