"""Where constant gates go: hand-made chains of layers."""

import keras
import numpy as np
import pytest
from constant_gates import difference, make_constant
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from seeded import seed_weights

from keras_senet.layers import (
    ChannelShuffle,
    Classifier,
    GroupedConv2D,
    ShakeShake,
    SqueezeExcite,
)
from keras_senet.models.graph import leaves
from keras_senet.models.removal import removal

CHANNELS = 6


def block(name="block", **settings):
    """A block whose gates are what its last bias is."""
    return SqueezeExcite(2, gate_activation="linear", name=name, **settings)


def conv(x, name=None, filters=CHANNELS, **settings):
    return layers.Conv2D(filters, 3, padding="same", name=name, **settings)(x)


def removed(inputs, outputs, low=0.1, high=0.9):
    """The outcomes of a removal that changes no answer."""
    model = keras.Model(inputs, outputs)
    seed_weights(model)
    gates = make_constant(model, low, high)
    network, outcomes = removal(model, gates=gates)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *inputs.shape[1:])).astype("float32")
    assert difference(model, network, x) <= 1e-5
    kept = {x.name for x in leaves(network) if type(x).__name__ == "ConstantGate"}
    assert kept == {key for key, x in outcomes.items() if x.how == "kept"}
    return outcomes


def became(inputs, outputs, low=0.1, high=0.9):
    """What became of the one block, and the layers that hold its gates."""
    outcome = removed(inputs, outputs, low, high)["block"]
    return outcome.how, *outcome.layers


def images(channels=CHANNELS):
    return keras.Input((8, 8, channels))


MAKERS = {
    "Conv2D": lambda **x: layers.Conv2D(6, 3, **x),
    "grouped": lambda **x: GroupedConv2D(6, 3, groups=3, **x),
    "Keras' grouped": lambda **x: layers.Conv2D(6, 3, groups=2, **x),
    "DepthwiseConv2D": lambda **x: layers.DepthwiseConv2D(3, **x),
    "multiplied": lambda **x: layers.DepthwiseConv2D(3, depth_multiplier=2, **x),
    "SeparableConv2D": lambda **x: layers.SeparableConv2D(5, 3, **x),
    "Dense": lambda **x: layers.Dense(5, **x),
    "Classifier": lambda **x: Classifier(5, **x),
    "BatchNormalization": lambda **x: layers.BatchNormalization(center=x["use_bias"]),
    "unscaled": lambda **x: layers.BatchNormalization(scale=False, center=False),
}


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", MAKERS)
def test_layers_before_take_gates_of_any_sign(kind, use_bias):
    inputs = images()
    x = layers.Activation("sigmoid")(inputs)
    maker = MAKERS[kind](use_bias=use_bias)
    outputs = layers.Activation("sigmoid")(block()(maker(x)))
    assert became(inputs, outputs, -2, 2) == ("folded", maker.name)


@pytest.mark.parametrize("kind", list(MAKERS)[:8])
def test_layers_behind_take_them_as_factors_of_their_input(kind):
    inputs = images()
    x = block()(layers.Activation("sigmoid")(inputs))
    taker = MAKERS[kind](use_bias=True, activation="sigmoid")
    assert became(inputs, taker(x), -2, 2) == ("folded", taker.name)


@pytest.mark.parametrize("rank", [3, 5])
def test_other_ranks(rank):
    kind = layers.Conv1D if rank == 3 else layers.Conv3D
    inputs = keras.Input((5,) * (rank - 2) + (4,))
    for outputs in (
        layers.Activation("tanh")(block()(kind(6, 3, name="before")(inputs))),
        kind(6, 3, name="behind")(block()(layers.Activation("tanh")(inputs))),
    ):
        how, name = became(inputs, outputs)
        assert how == "folded" and name in ("before", "behind")


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "relu6"])
def test_activations_of_the_layer_before(activation):
    inputs = images()
    outputs = layers.Activation("tanh")(block()(conv(inputs, activation=activation)))
    passes = activation in ("relu", "leaky_relu")
    assert became(inputs, outputs)[0] == ("folded" if passes else "kept")
    assert became(inputs, outputs, -2, 2)[0] == "kept"


# From a layer to whether positive gates and gates of any sign go past it.
PASSED = [
    (layers.ReLU(), True, False),
    (layers.ReLU(negative_slope=0.2), True, False),
    (layers.ReLU(6.0), False, False),
    (layers.ReLU(threshold=0.1), False, False),
    (layers.LeakyReLU(), True, False),
    (layers.PReLU(alpha_initializer="ones"), True, False),
    (layers.Activation("relu"), True, False),
    (layers.Activation("linear"), True, True),
    (layers.Activation("elu"), False, False),
    (layers.MaxPooling2D(3, 2, padding="same"), True, False),
    (layers.AveragePooling2D(3, 2, padding="same"), True, True),
    (layers.GlobalMaxPooling2D(keepdims=True), True, False),
    (layers.GlobalAveragePooling2D(keepdims=True), True, True),
    (layers.ZeroPadding2D(2), True, True),
    (layers.Cropping2D(1), True, True),
    (layers.UpSampling2D(2, interpolation="bilinear"), True, True),
    (layers.Dropout(0.5), True, True),
    (layers.SpatialDropout2D(0.5), True, True),
    (layers.GaussianNoise(0.5), False, False),
    (layers.Identity(), True, True),
    (layers.Rescaling(2.0), True, True),
    (layers.Rescaling(2.0, 1.0), False, False),
    (ChannelShuffle(3), True, True),
    (ChannelShuffle(2), True, True),
    (layers.LayerNormalization(), False, False),
]


@pytest.mark.parametrize(
    "index", range(len(PASSED)), ids=lambda i: f"{type(PASSED[i][0]).__name__}{i}"
)
def test_what_gates_go_past(index):
    original, positive, any_sign = PASSED[index]
    for low, passes in ((0.1, positive), (-2, any_sign)):
        for before in (True, False):
            inputs = images()
            layer = type(original).from_config(
                {**original.get_config(), "name": "passed"}
            )
            x = layers.Activation("tanh")(inputs)
            if before:
                x = layer(conv(x, "conv"))
                outputs = layers.Activation("tanh")(block()(x))
            else:
                outputs = conv(layer(block()(x)), "conv")
            expected = ("folded", "conv") if passes else ("kept",)
            assert became(inputs, outputs, low, 2) == expected


def test_negative_gates_do_not_go_past_a_rectifier():
    inputs = images()
    x = layers.ReLU()(layers.BatchNormalization()(conv(inputs)))
    outputs = layers.Activation("tanh")(block()(x))
    assert became(inputs, outputs, -0.9, -0.1) == ("kept",)
    assert became(inputs, outputs, 0, 1e-9)[0] == "folded"


def test_concatenations_and_sums():
    inputs = images()
    a, b, c, d = (conv(inputs, name) for name in "abcd")
    wide = layers.Concatenate()([layers.ReLU()(a), b, conv(inputs, "e", filters=2)])
    outputs = layers.Activation("tanh")(block()(wide))
    assert became(inputs, outputs) == ("folded", "a", "b", "e")
    high = block()(layers.Concatenate(axis=1)([a, b]))
    outputs = layers.Activation("tanh")(high)
    assert became(inputs, outputs, -2, 2) == ("folded", "a", "b")
    for total in (a + b, layers.Add()([a, b]), keras.ops.add(a, b)):
        outputs = layers.Activation("tanh")(block()(total))
        assert became(inputs, outputs, -2, 2) == ("folded", "a", "b")
    outputs = layers.Activation("tanh")(block()(ShakeShake()([c, d])))
    assert became(inputs, outputs, -2, 2) == ("folded", "c", "d")
    for other in (c * d, c - d, layers.Add()([c, inputs]), c + 1.0):
        outputs = layers.Activation("tanh")(block()(other))
        assert became(inputs, outputs) == ("kept",)


def test_behind_a_concatenation_only_some_of_the_channels_are_scaled():
    inputs = images()
    x = block()(layers.Activation("tanh")(inputs))
    wide = layers.Concatenate()([inputs, x, layers.MaxPooling2D(1)(inputs)])
    assert became(inputs, conv(wide, "taker"), -2, 2) == ("folded", "taker")
    high = layers.Concatenate(axis=1)([inputs, x])
    assert became(inputs, conv(high, "other")) == ("kept",)


@pytest.mark.parametrize(
    "pool",
    [
        layers.GlobalAveragePooling2D,
        layers.GlobalMaxPooling2D,
        layers.Flatten,
        lambda: layers.GlobalAveragePooling2D(keepdims=True),
    ],
)
def test_a_head_takes_the_gates_of_the_last_block(pool):
    inputs = images()
    x = block()(layers.Activation("tanh")(inputs))
    outputs = Classifier(3, activation="softmax", name="head")(pool()(x))
    assert became(inputs, outputs) == ("folded", "head")


def test_channels_first():
    inputs = keras.Input((3, 7, 9))
    first = {"data_format": "channels_first"}

    def convolved(x, name):
        return layers.Conv2D(6, 3, name=name, **first)(x)

    def excited(x):
        return block(**first)(x)

    tanh = layers.Activation("tanh")
    assert became(inputs, tanh(excited(convolved(inputs, "a"))))[1:] == ("a",)
    x = layers.BatchNormalization(axis=1, name="bn")(convolved(inputs, "b"))
    assert became(inputs, tanh(excited(layers.ReLU()(x))))[1:] == ("bn",)
    x = layers.BatchNormalization(axis=3)(convolved(inputs, "c"))
    assert became(inputs, tanh(excited(x))) == ("kept",)
    x = excited(tanh(convolved(inputs, "d")))
    assert became(inputs, convolved(x, "e"))[1:] == ("e",)
    head = layers.Dense(4, name="head")
    for pool in (layers.GlobalAveragePooling2D(**first), layers.Flatten(**first)):
        head = layers.Dense(4, name="head")
        assert became(inputs, head(pool(x)))[1:] == ("head",)
    # Neither of these takes the axis of the channels for that.
    for other in (layers.Dense(4), layers.GlobalAveragePooling2D()):
        outputs = layers.Dense(4)(other(x))
        assert became(inputs, outputs) == ("kept",)
    # As many positions as channels: TensorFlow's bias can stand along the last axis.
    inputs = keras.Input((3, 8, 8))
    assert became(inputs, tanh(excited(convolved(inputs, "f")))) == ("kept",)
    flat = layers.Dense(4, name="head")(layers.Flatten()(excited(tanh(inputs))))
    assert became(inputs, flat) == ("folded", "head")


def test_only_what_nobody_else_sees_is_changed():
    inputs = images()
    x = conv(inputs, "seen")
    excited = block()(x)
    assert became(inputs, [x, layers.Activation("tanh")(excited)]) == ("kept",)
    assert became(inputs, [excited, conv(excited)]) == ("folded", "seen")
    y = layers.Activation("tanh")(x)
    excited = block()(y)
    assert became(inputs, [conv(excited), conv(excited)]) == ("kept",)
    assert became(inputs, [excited, conv(excited)]) == ("kept",)
    convolution = layers.Conv2D(CHANNELS, 3, padding="same")
    for shared in (convolution, layers.BatchNormalization()):
        x = layers.Activation("tanh")(shared(inputs))
        outputs = layers.Activation("tanh")(block()(shared(x)))
        assert became(inputs, outputs) == ("kept",)


class Unknown(layers.Conv2D):
    """Can do anything."""


class UnknownReLU(layers.ReLU):
    """Can do anything."""


def test_layers_of_users_and_adapted_or_quantized_ones_are_left_alone():
    inputs = images()
    tanh = layers.Activation("tanh")
    assert became(inputs, tanh(block()(Unknown(6, 3)(inputs)))) == ("kept",)
    x = UnknownReLU()(conv(inputs))
    assert became(inputs, tanh(block()(x))) == ("kept",)
    adapted = layers.Dense(6)
    outputs = tanh(block()(adapted(inputs)))
    adapted.enable_lora(2)
    assert became(inputs, outputs) == ("kept",)
    x = layers.Dense(6, name="dense")(inputs)
    outputs = tanh(block()(x))
    model = keras.Model(inputs, outputs)
    seed_weights(model)
    model.get_layer("dense").quantize("int8")
    gates = make_constant(model)
    network, outcomes = removal(model, gates=gates)
    assert outcomes["block"].how == "kept"
    x = np.ones((1, 8, 8, CHANNELS), "float32") * np.arange(CHANNELS)
    assert difference(model, network, x) <= 1e-5


def test_gates_meet_in_one_layer():
    inputs = images()
    x = block("first")(layers.Activation("tanh")(inputs))
    x = block("third")(block("second")(conv(x, "middle")))
    outcomes = removed(inputs, layers.Activation("tanh")(x), 0.5, 2)
    assert {name: (x.how, x.layers) for name, x in outcomes.items()} == {
        name: ("folded", ("middle",)) for name in ("first", "second", "third")
    }


def test_gates_go_past_each_other_and_past_constants():
    inputs = images()
    x = layers.Activation("tanh")(inputs)
    x = layers.ReLU()(block("second")(layers.ReLU()(block("first")(x))))
    outcomes = removed(inputs, conv(x, "taker"))
    assert all(x.layers == ("taker",) for x in outcomes.values())


STEPS = {
    "conv": lambda x: conv(x),
    "rectified": lambda x: conv(x, activation="relu", use_bias=False),
    "grouped": lambda x: GroupedConv2D(CHANNELS, 3, groups=3, padding="same")(x),
    "depthwise": lambda x: layers.DepthwiseConv2D(3, padding="same")(x),
    "separable": lambda x: layers.SeparableConv2D(CHANNELS, 3, padding="same")(x),
    "dense": lambda x: layers.Dense(CHANNELS)(x),
    "norm": lambda x: layers.BatchNormalization()(x),
    "bare": lambda x: layers.BatchNormalization(scale=False, center=False)(x),
    "relu": lambda x: layers.ReLU()(x),
    "relu6": lambda x: layers.ReLU(6)(x),
    "leaky": lambda x: layers.LeakyReLU()(x),
    "tanh": lambda x: layers.Activation("tanh")(x),
    "max": lambda x: layers.MaxPooling2D(3, 1, padding="same")(x),
    "avg": lambda x: layers.AveragePooling2D(3, 1, padding="same")(x),
    "padding": lambda x: layers.Cropping2D(1)(layers.ZeroPadding2D(1)(x)),
    "dropout": lambda x: layers.Dropout(0.3)(x),
    "shuffle": lambda x: ChannelShuffle(2)(x),
    "sum": lambda x: layers.Add()([conv(x), layers.BatchNormalization()(conv(x))]),
    "skip": lambda x: conv(x) + x,
    "mixture": lambda x: ShakeShake()([conv(x), conv(x)]),
    "join": lambda x: layers.Concatenate()(
        [conv(x, filters=4), layers.ReLU()(conv(x, filters=2))]
    ),
    "wide": lambda x: conv(layers.Concatenate()([layers.ReLU()(conv(x)), x])),
    "block": lambda x: block(None)(x),
}
HEADS = {
    "none": lambda x: x,
    "average": lambda x: layers.Dense(3)(layers.GlobalAveragePooling2D()(x)),
    "maximum": lambda x: layers.Dense(3)(layers.GlobalMaxPooling2D()(x)),
    "flat": lambda x: layers.Dense(3)(layers.Flatten()(x)),
}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    before=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4),
    behind=st.lists(st.sampled_from(sorted(STEPS)), max_size=3),
    head=st.sampled_from(sorted(HEADS)),
    low=st.sampled_from([-1.5, 0.1]),
    tapped=st.booleans(),
)
def test_any_chain_keeps_its_answers(before, behind, head, low, tapped):
    inputs = images()
    x = inputs
    for step in before:
        x = STEPS[step](x)
    seen = [x] if tapped else []
    x = block(None)(x)
    for step in behind:
        x = STEPS[step](x)
    removed(inputs, [*seen, HEADS[head](x)], low, 1.5)
