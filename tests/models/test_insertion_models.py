"""Kinds of models that blocks can be inserted into, and what they then do."""

import keras
import numpy as np
import pytest
from keras import layers
from test_insertion import assert_same, blocks, conv, images, outputs, residual, vary

import keras_senet
from keras_senet.models.insertion import insert_squeeze_excite


def test_shared_layers_share_a_block():
    inputs = keras.Input((4, 4, 8))
    shared = layers.Conv2D(8, 3, padding="same", name="shared")
    x = shared(inputs)
    x = layers.Add()([x, shared(x)])
    x = layers.Add()([x, shared(x)])
    model = vary(keras.Model(inputs, x))
    for rule in ("shared", "residual_branches"):
        network = insert_squeeze_excite(model, rule, reduction=2)
        assert blocks(network) == ["shared_se"]
        assert_same(model, network, images(model))
    assert len(network.get_layer("shared_se").weights) == 4


def test_a_shared_layer_without_weights_keeps_residual_blocks_apart():
    inputs = keras.Input((4, 4, 8))
    add, act = layers.Add(), layers.ReLU(name="act")
    x = add([inputs, act(conv(inputs, "one"))])
    x = add([x, act(conv(x, "two"))])
    x = conv(x, "wide", 16)
    model = keras.Model(inputs, act(x))
    network = insert_squeeze_excite(model, "residual_branches")
    assert blocks(network) == ["act_se", "act_se_1"]
    with pytest.raises(ValueError, match=r"'act', which is called more.*8 and 16"):
        insert_squeeze_excite(model, "act")


def test_dictionaries_of_inputs_and_outputs():
    a = keras.Input((4, 4, 3), name="a")
    b = keras.Input((4, 4, 3), name="b")
    x, y = conv(a, "of_a"), conv(b, "of_b")
    ends = {"sum": layers.Add()([x, y]), "both": [x, layers.Flatten()(y)]}
    model = keras.Model({"b": b, "a": a}, ends)
    network = insert_squeeze_excite(model, "of_")
    assert network.input.keys() == model.input.keys()
    assert_same(model, network, images(model))
    assert outputs(network, images(model)).keys() == ends.keys()


def test_nested_models_are_rebuilt_once():
    inner = residual()
    trunk = keras.Model(inner.input, inner.get_layer("block2_sum").output, name="trunk")
    left, right = keras.Input((6, 6, 3)), keras.Input((6, 6, 3))
    head = keras.Sequential(
        [keras.Input((6, 6, 8)), layers.Conv2D(4, 1, name="mix"), layers.ReLU()],
        name="head",
    )
    x = head(trunk(left) - trunk(right, training=False))
    model = keras.Model([left, right], x)
    network = insert_squeeze_excite(model, "residual_branches|mix|conv2")
    assert sorted(blocks(network)) == ["block1_conv2_se", "block2_conv2_se", "mix_se"]
    assert len([x for x in network.layers if x.name == "trunk"]) == 1
    assert_same(model, network, images(model))
    sums = insert_squeeze_excite(model, "residual_branches")
    assert blocks(sums) == ["block1_conv2_se", "block2_conv2_se"]
    whole = insert_squeeze_excite(model, [trunk, "head"])
    assert sorted(blocks(whole)) == ["head_se", "trunk_se"]
    assert_same(model, whole, images(model))
    assert len(keras_senet.gates(sums)(images(model))) == 4


def test_a_residual_branch_that_is_a_nested_model():
    inputs = keras.Input((4, 4, 8))
    two = [layers.Conv2D(8, 1), layers.Conv2D(8, 1)]
    branch = keras.Sequential([keras.Input((4, 4, 8)), *two], name="branch")
    total = layers.Add()([conv(inputs, "shortcut"), branch(inputs)])
    model = keras.Model(inputs, total)
    assert blocks(insert_squeeze_excite(model, "residual_branches")) == ["branch_se"]


def test_sequential_models():
    model = keras.Sequential(
        [keras.Input((8, 3)), layers.Conv1D(4, 3, name="conv"), layers.Flatten()]
    )
    network = insert_squeeze_excite(model, "conv")
    assert blocks(network) == ["conv_se"]
    assert_same(model, network, images(model))


def test_masks_go_through_blocks():
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 8, mask_zero=True, name="words")(inputs)
    model = keras.Model(inputs, layers.LSTM(4)(x))
    words = np.array([[3, 1, 0, 0, 0, 0], [4, 1, 5, 2, 0, 0]])
    network = insert_squeeze_excite(model, "words")
    assert_same(model, network, words)


def test_all_state_is_copied():
    inputs = keras.Input((4, 4, 3))
    scale = layers.Normalization(name="scale")
    scale.adapt(np.random.default_rng(0).normal(3, 2, size=(9, 4, 4, 3)))
    x = layers.Dropout(0.5, seed=7, name="drop")(scale(inputs))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="rows")(
        layers.Reshape((16, 3))(x)
    )
    model = keras.Model(inputs, layers.BatchNormalization(name="bn")(x))
    x = images(model)
    model(x, training=True)
    model.get_layer("rows").trainable = False
    network = insert_squeeze_excite(model, "rows")
    assert_same(model, network, x)
    for layer in model.layers:
        copy = network.get_layer(layer.name)
        assert copy is not layer and copy.trainable == layer.trainable
        for a, b in zip(layer.variables, copy.variables, strict=True):
            a, b = (keras.ops.convert_to_numpy(v) for v in (a, b))
            np.testing.assert_array_equal(a, b)
    drawn = [outputs(lambda x, m=m: m(x, training=True), x) for m in (model, network)]
    np.testing.assert_allclose(*drawn, atol=1e-5)
    model.trainable = False
    frozen = insert_squeeze_excite(model, "rows")
    names = {weight.path.split("/")[0] for weight in frozen.trainable_weights}
    assert names == {"rows_se"}


def test_every_weight_of_the_blocks_learns():
    model = residual()
    network = insert_squeeze_excite(model, "residual_branches", reduction=2)
    assert_same(model, network, images(model))
    network.compile(keras.optimizers.SGD(0.05), "mse")
    x, y = images(network, 16), np.random.default_rng(2).normal(size=(16, 5))
    weights = [w for name in blocks(network) for w in network.get_layer(name).weights]
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in weights]
    network.fit(x, y, batch_size=16, epochs=5, verbose=0)
    moved = [
        np.mean(keras.ops.convert_to_numpy(weight) != old)
        for weight, old in zip(weights, before, strict=True)
    ]
    assert len(moved) == 8 and min(moved) == 1.0


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_blocks_have_the_policy_of_the_layer_they_follow(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = residual(lambda a, b, name: keras.ops.add(keras.ops.relu(a), b))
    keras.config.set_dtype_policy("float32" if policy != "float32" else "float64")
    network = insert_squeeze_excite(model, "residual_branches")
    for name in blocks(network):
        assert network.get_layer(name).dtype_policy.name == policy
    x = images(model)
    np.testing.assert_array_equal(outputs(network, x), outputs(model, x))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(outputs(loaded, x), outputs(model, x))
    again = insert_squeeze_excite(loaded, "stem")
    np.testing.assert_array_equal(outputs(again, x), outputs(model, x))


def test_channels_first():
    inputs = keras.Input((3, 4, 6))
    first = {"padding": "same", "data_format": "channels_first"}
    x = layers.Conv2D(8, 3, **first, name="one")(inputs)
    x = layers.Concatenate(axis=1, name="join")([x, layers.Conv2D(8, 3, **first)(x)])
    model = keras.Model(inputs, layers.Flatten()(x))
    se = insert_squeeze_excite(model, "concatenations").get_layer("join_se")
    assert se.data_format == "channels_first"
    assert tuple(se.reduce_kernel.shape) == (16, 1)
    mixed = keras.Model(inputs, layers.Conv2D(2, 1, name="other")(x))
    with pytest.raises(ValueError, match=r"same `data_format`.*one with .*other with"):
        insert_squeeze_excite(mixed, "one")


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


class Doubling(keras.Model):
    def call(self, inputs):
        return 2 * super().call(inputs)


class Unclear(layers.Layer):
    def __init__(self, function):
        super().__init__(name="unclear")
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def test_models_that_are_refused():
    inputs = keras.Input((4, 4, 3))
    doubling = Doubling(inputs, conv(inputs, "conv"))
    unbuilt = keras.Sequential([layers.Conv2D(2, 1)], name="unbuilt")
    for model, reason in [
        (Subclassed(name="own"), "'own', of type Subclassed"),
        (doubling, "else than its graph"),
        (unbuilt, "'unbuilt', which is not built"),
        ("resnet", "'resnet', of type str"),
    ]:
        with pytest.raises(ValueError, match=f"functional or sequential.*{reason}"):
            insert_squeeze_excite(model, "conv")
    for layer, name in [
        (layers.Lambda(lambda x: x + 1, name="anonymous"), "anonymous of type Lambda"),
        (Unclear(lambda x: x), "unclear of type Unclear"),
    ]:
        model = keras.Model(inputs, layer(conv(inputs, "conv")))
        with pytest.raises(ValueError, match=f"copied from their config.*{name}"):
            insert_squeeze_excite(model, "conv")
