import keras
import numpy as np
import pytest
from keras import layers

import keras_senet
from keras_senet.models.insertion import insert_squeeze_excite


def conv(x, name, filters=8):
    return layers.Conv2D(filters, 3, padding="same", name=name)(x)


def residual(join=None, reverse=False):
    """Two residual units, the second with a projection."""
    join = join or (lambda a, b, name: layers.Add(name=name)([a, b]))
    inputs = keras.Input((6, 6, 3), name="images")
    x = conv(inputs, "stem")
    for index in (1, 2):
        branch = conv(x, f"block{index}_conv1")
        branch = layers.BatchNormalization(name=f"block{index}_bn")(branch)
        branch = conv(branch, f"block{index}_conv2")
        shortcut = conv(x, f"block{index}_proj") if index == 2 else x
        pair = (shortcut, branch) if reverse else (branch, shortcut)
        x = join(*pair, f"block{index}_sum")
    outputs = layers.GlobalAveragePooling2D()(x)
    return vary(keras.Model(inputs, layers.Dense(5)(outputs), name="small"))


def vary(model):
    """Statistics, biases and scales that hide nothing."""
    draw = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(draw.uniform(0.5, 1.5, weight.shape))
    return model


def images(model, count=4):
    draw = np.random.default_rng(1)
    found = keras.tree.map_structure(
        lambda x: draw.normal(size=(count, *x.shape[1:])).astype("float32"),
        model.input if not isinstance(model, keras.Sequential) else model.inputs[0],
    )
    return found


def blocks(model):
    found = []
    for layer in model.layers:
        if isinstance(layer, keras_senet.SqueezeExcite):
            found.append(layer.name)
        found += blocks(layer) if isinstance(layer, keras.Model) else []
    return found


def outputs(model, x):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(x))


def assert_same(model, network, x):
    expected = keras.tree.flatten(outputs(model, x))
    assert all(each[0].std() > 0 for each in expected)
    got = keras.tree.flatten(outputs(network, x))
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6 * abs(b).max(), rtol=0)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "join",
    [None, lambda a, b, name: a + b, lambda a, b, name: keras.ops.add(a, b)],
    ids=["layer", "plus", "ops"],
)
def test_residual_branches(join, reverse):
    model = residual(join, reverse)
    network = insert_squeeze_excite(model, "residual_branches", reduction=2)
    assert blocks(network) == ["block1_conv2_se", "block2_conv2_se"]
    assert network.name == "se_small"
    assert_same(model, network, images(model))
    # Gates of a third: the branch alone is scaled, and for the sum alone.
    se = network.get_layer("block1_conv2_se")
    se.expand_bias.assign(np.full(8, np.log(1 / 5)))
    x = images(model)
    parts = ("block1_conv2", "stem", "block2_conv1")
    made = [
        outputs(keras.Model(model.input, model.get_layer(p).output), x) for p in parts
    ]
    after = keras.Model(network.input, network.get_layer("block2_conv1").output)
    kernel, bias = model.get_layer("block2_conv1").get_weights()
    expected = keras.ops.conv(made[0] / 3 + made[1], kernel, padding="same") + bias
    np.testing.assert_allclose(
        outputs(after, x), keras.ops.convert_to_numpy(expected), atol=1e-4
    )


def test_other_consumers_see_the_old_tensor():
    inputs = keras.Input((4, 4, 3))
    x = conv(inputs, "stem")
    branch = conv(x, "branch")
    model = keras.Model(inputs, [layers.Add(name="sum")([x, branch]), branch])
    network = insert_squeeze_excite(model, "residual_branches", reduction=2)
    network.get_layer("branch_se").expand_bias.assign(np.full(8, -100.0))
    x = images(model)
    stem = outputs(keras.Model(model.input, model.get_layer("stem").output), x)
    total, seen = outputs(network, x)
    np.testing.assert_allclose(total, stem, atol=1e-6)
    np.testing.assert_allclose(seen, outputs(model, x)[1], atol=1e-6)


def test_sums_that_are_not_residual():
    inputs = keras.Input((4, 4, 3))
    x = conv(inputs, "stem") + 1.0
    x = x + np.ones((4, 4, 8), "float32")
    x = x + layers.GlobalAveragePooling2D(keepdims=True)(conv(x, "context"))
    other = keras.Input((4, 4, 8))
    x = layers.Add()([x, other])
    x = layers.GlobalAveragePooling2D()(x)
    x = x + layers.Dense(8)(x)
    model = keras.Model([inputs, other], x)
    with pytest.raises(ValueError, match=r"match a place.*Received: after='residual_b"):
        insert_squeeze_excite(model, "residual_branches")


def test_a_tie_is_refused():
    inputs = keras.Input((4, 4, 3))
    x = layers.Add(name="both")([conv(inputs, "a"), conv(inputs, "b")])
    with pytest.raises(ValueError, match=r"sum 'both' should .*\[1, 1\]"):
        insert_squeeze_excite(keras.Model(inputs, x), "residual_branches")


@pytest.mark.parametrize("by_layer", [True, False])
def test_outermost_concatenations(by_layer):
    def join(parts, name):
        joined = layers.Concatenate(name=name)
        return joined(parts) if by_layer else keras.ops.concatenate(parts, axis=-1)

    inputs = keras.Input((6, 6, 3))
    x = conv(inputs, "stem")
    for module in ("first", "second"):
        split = conv(x, f"{module}_a")
        inner = [conv(split, f"{module}_b"), conv(split, f"{module}_c")]
        parts = [conv(x, f"{module}_d"), join(inner, f"{module}_inner")]
        x = join(parts, f"{module}_outer")
    rows = layers.Concatenate(axis=1, name="rows")([x, x])
    vectors = layers.GlobalAveragePooling2D()(rows)
    model = keras.Model(inputs, layers.Concatenate(name="vectors")([vectors, vectors]))
    network = insert_squeeze_excite(model, "concatenations", reduction=4)
    found = [network.get_layer(name) for name in blocks(network)]
    # The outer ones have 24 channels, the inner ones 16.
    assert [tuple(se.reduce_kernel.shape) for se in found] == [(24, 6), (24, 6)]
    if by_layer:
        assert blocks(network) == ["first_outer_se", "second_outer_se"]
    assert_same(model, network, images(model))


@pytest.mark.parametrize(
    "after",
    [
        r"^block\d_conv2$",
        ["block1_conv2", "block2_conv2"],
        lambda layer: layer.name.endswith("conv2"),
    ],
    ids=["pattern", "names", "function"],
)
def test_places_by_name(after):
    network = insert_squeeze_excite(residual(), after)
    assert blocks(network) == ["block1_conv2_se", "block2_conv2_se"]


def test_places_by_layer_and_new_names_are_unique():
    model = residual()
    taken = insert_squeeze_excite(model, model.get_layer("stem"))
    again = insert_squeeze_excite(taken, [taken.get_layer("stem")], name="again")
    assert sorted(blocks(again)) == ["stem_se", "stem_se_1"]
    assert again.name == "again"


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("block1_cnv1", r"Did you mean block1_conv1"),
        ("concatenations", r"should match a place .*after='concatenations'"),
        (["block1_cnv1"], r"list of layers.* Did you mean block1_conv1"),
        ([layers.ReLU(name="elsewhere")], r"Known: .*\.\.\. Received: <ReLU"),
        ("(", r"regular expression: .*Received: after='\('"),
        (lambda layer: False, r"should match a place in the model"),
        ("dense", r"Layer 'dense.*', .*rank 3, 4 or 5.*\(None, 5\)"),
        (3, r"`after` should be .*Received: 3"),
    ],
)
def test_places_that_are_refused(after, message):
    with pytest.raises(ValueError, match=message):
        insert_squeeze_excite(residual(), after)


def test_unknown_channels_and_integers_are_refused():
    inputs = keras.Input((4, 4, None))
    model = keras.Model(inputs, layers.ReLU(name="open")(inputs))
    with pytest.raises(ValueError, match=r"Layer 'open'.*known channels"):
        insert_squeeze_excite(model, "open")
    inputs = keras.Input((4, 8), dtype="int32")
    whole = layers.Reshape((4, 2, 4), name="whole", dtype="int32")(inputs)
    with pytest.raises(ValueError, match=r"Layer 'whole'.*floating"):
        insert_squeeze_excite(keras.Model(inputs, whole), "whole")


def test_the_original_is_untouched():
    model = residual()
    model.compile("sgd", "mse")
    x, y = images(model), np.ones((4, 5), "float32")
    model.fit(x, y, verbose=0)
    before = [weight.copy() for weight in model.get_weights()]
    answers, layers_before = outputs(model, x), list(model.layers)
    config = model.get_config()
    network = insert_squeeze_excite(model, "residual_branches")
    network.compile("sgd", "mse")
    network.fit(x, y, verbose=0)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(outputs(model, x), answers)
    assert all(a is b for a, b in zip(model.layers, layers_before, strict=True))
    assert model.get_config() == config and model.compiled
    assert not {id(v) for v in network.variables} & {id(v) for v in model.variables}


def test_weights_with_blocks_do_not_load_into_the_network_without(tmp_path):
    plain = keras_senet.SEResNet20(reduction=None)
    network = insert_squeeze_excite(plain, "residual_branches")
    network.save_weights(tmp_path / "network.weights.h5")
    with pytest.raises(ValueError, match="inserted is"):
        keras_senet.SEResNet20(weights=tmp_path / "network.weights.h5", reduction=None)
    again = insert_squeeze_excite(plain, "residual_branches")
    again.load_weights(tmp_path / "network.weights.h5")


def test_a_class_of_layers_is_no_place():
    model = keras_senet.SEResNet20(reduction=None)
    with pytest.raises(ValueError, match="`after` should be"):
        insert_squeeze_excite(model, keras.layers.ReLU)
