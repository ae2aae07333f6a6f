import keras
import numpy as np
import pytest
from folded import answers, folded_alike, kinds, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from keras_senet.layers import GroupedConv2D

normalizations = st.fixed_dictionaries(
    {
        "epsilon": st.sampled_from([1e-6, 1e-5, 1.001e-5, 1e-3, 0.5]),
        "scale": st.booleans(),
        "center": st.booleans(),
        "trainable": st.booleans(),
    }
)
# As data, since Keras draws a seed by Python's `random` for each layer that it makes.
convolutions = st.one_of(
    st.tuples(
        st.just(GroupedConv2D),
        st.fixed_dictionaries(
            {
                "filters": st.just(12),
                "groups": st.sampled_from([1, 2, 3]),
                "kernel_size": st.sampled_from([1, 3, (1, 4)]),
                "padding": st.sampled_from(["same", "valid"]),
                "use_bias": st.booleans(),
            },
            optional={"strides": st.just(2)},
        ),
    ),
    st.tuples(
        st.just(layers.DepthwiseConv2D),
        st.fixed_dictionaries(
            {
                "kernel_size": st.sampled_from([1, 3]),
                "depth_multiplier": st.sampled_from([1, 2]),
                "strides": st.sampled_from([1, 2]),
                "padding": st.sampled_from(["same", "valid"]),
                "use_bias": st.booleans(),
            }
        ),
    ),
    st.tuples(
        st.just(layers.SeparableConv2D),
        st.fixed_dictionaries(
            {
                "filters": st.just(5),
                "kernel_size": st.sampled_from([1, 3]),
                "depth_multiplier": st.sampled_from([1, 2]),
                "dilation_rate": st.sampled_from([1, 2]),
                "padding": st.sampled_from(["same", "valid"]),
                "use_bias": st.booleans(),
            }
        ),
    ),
    st.tuples(
        st.just(layers.Dense),
        st.fixed_dictionaries({"units": st.just(5), "use_bias": st.booleans()}),
    ),
)


@settings(max_examples=15, deadline=None)
@given(convolution=convolutions, normalization=normalizations)
def test_a_normalization_goes_into_what_stands_before_it(convolution, normalization):
    convolution = convolution[0](**convolution[1])
    inputs = keras.Input((9, 8, 6))
    x = layers.BatchNormalization(**normalization)(convolution(inputs))
    model = seeded(inputs, layers.ReLU()(x))
    folded = folded_alike(model)
    assert kinds(folded) == [type(convolution).__name__, "ReLU"]
    layer = folded.get_layer(convolution.name)
    # Statistics and offsets are random, so there is something to add.
    assert layer.use_bias
    assert {weight.dtype for weight in folded.weights} == {"float32"}


@settings(max_examples=15, deadline=None)
@given(convolution=convolutions, normalization=normalizations)
def test_a_normalization_goes_into_what_stands_behind_unless_that_pads(
    convolution, normalization
):
    convolution = convolution[0](**convolution[1])
    inputs = keras.Input((9, 8, 6))
    x = layers.BatchNormalization(**normalization)(layers.ReLU()(inputs))
    model = seeded(inputs, convolution(x))
    folded = folded_alike(model)
    sides = getattr(convolution, "kernel_size", (1, 1))
    pads = getattr(convolution, "padding", "valid") == "same" and sides != (1, 1)
    between = ["ScaleAndShift"] if pads else []
    assert kinds(folded) == ["ReLU", *between, type(convolution).__name__]


@pytest.mark.parametrize("kind", [layers.Conv1D, layers.Conv3D])
def test_maps_of_other_ranks(kind):
    rank = 1 if kind is layers.Conv1D else 3
    inputs = keras.Input((5,) * rank + (4,))
    x = layers.BatchNormalization()(kind(6, 3, padding="same")(inputs))
    assert kinds(folded_alike(seeded(inputs, x))) == [kind.__name__]


def test_channels_first():
    inputs = keras.Input((6, 9, 8))
    first = {"data_format": "channels_first", "use_bias": False}
    x = layers.Conv2D(4, 1, **first)(layers.BatchNormalization(axis=1)(inputs))
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(x))
    x = layers.DepthwiseConv2D(3, padding="same", **first)(x)
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(x))
    x = layers.Conv2D(6, 3, padding="same", groups=2, **first)(x)
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(x))
    model = seeded(inputs, layers.BatchNormalization(axis=1)(x))
    assert kinds(folded_alike(model)) == [
        *("Conv2D", "ReLU", "DepthwiseConv2D", "ReLU", "GroupedConv2D", "ReLU"),
        "ScaleAndShift",
    ]


def test_vectors_that_keras_adds_along_another_axis_of_the_same_size():
    inputs = keras.Input((6, 6, 6))
    first = {"data_format": "channels_first", "padding": "same"}
    x = layers.Conv2D(6, 3, use_bias=False, **first)(inputs)
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(x))
    x = layers.Conv2D(6, 3, **first)(x) + np.arange(6.0).reshape(6, 1, 1)
    folded_alike(seeded(inputs, layers.BatchNormalization(axis=1)(x)))


def test_a_normalization_along_another_axis_stays():
    inputs = keras.Input((6, 6, 6))
    x = layers.BatchNormalization(axis=1)(layers.Conv2D(6, 1)(inputs))
    assert kinds(folded_alike(seeded(inputs, x))) == ["Conv2D", "ScaleAndShift"]


def between(name):
    """What stands between a convolution and a normalization, and is no identity."""
    return {
        "padding": layers.ZeroPadding2D(1),
        "activation": layers.ReLU(),
        "pool": layers.MaxPooling2D(2, padding="same"),
    }[name]


@pytest.mark.parametrize("name", ["padding", "activation", "pool"])
def test_a_normalization_behind_something_else_stays(name):
    inputs = keras.Input((6, 6, 3))
    x = between(name)(layers.Conv2D(4, 3)(inputs))
    folded = folded_alike(seeded(inputs, layers.BatchNormalization()(x)))
    assert kinds(folded)[-1] == "ScaleAndShift"


def test_an_activation_within_the_convolution_keeps_the_normalization():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    folded = folded_alike(seeded(inputs, layers.BatchNormalization()(x)))
    assert kinds(folded) == ["Conv2D", "ScaleAndShift"]


def test_a_convolution_whose_output_is_used_twice_stays():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3)(inputs)
    normalized = layers.BatchNormalization()(x)
    for outputs in ([x, normalized], layers.Add()([x, normalized])):
        assert "ScaleAndShift" in kinds(folded_alike(seeded(inputs, outputs)))


def test_a_layer_that_is_called_twice_stays():
    inputs = keras.Input((6, 6, 3))
    convolution = layers.Conv2D(3, 3, padding="same")
    x = convolution(layers.ReLU()(convolution(inputs)))
    folded = folded_alike(seeded(inputs, layers.BatchNormalization()(x)))
    assert kinds(folded) == ["Conv2D", "ReLU", "ScaleAndShift"]


def test_a_normalization_goes_through_sums_and_concatenations():
    inputs = keras.Input((6, 6, 3))
    first, second, third, fourth = (layers.Conv2D(4, 3)(inputs) for _ in range(4))
    x = layers.Concatenate()([layers.Add()([first, second]), third + fourth, third])
    folded = folded_alike(seeded(inputs, layers.BatchNormalization()(x)))
    # The third one is used twice.
    assert "ScaleAndShift" in kinds(folded)
    x = layers.Concatenate()([layers.Add()([first, second]), third + fourth])
    folded = folded_alike(seeded(inputs, layers.BatchNormalization()(x)))
    assert sorted(kinds(folded)) == ["Add"] * 2 + ["Concatenate"] + ["Conv2D"] * 4


def test_chains_of_scales_are_one():
    inputs = keras.Input((6, 6, 3))
    x = layers.ReLU()(inputs) * 2.0 - 1
    x = layers.Rescaling([1, 2, 3], 4)(1 - x / 3)
    folded = folded_alike(seeded(inputs, layers.BatchNormalization()(x)))
    assert kinds(folded) == ["ReLU", "ScaleAndShift"]


def test_weights_are_computed_in_float64():
    inputs = keras.Input((3, 3, 2))
    x = layers.Conv2D(2, 3, use_bias=False)(inputs)
    model = seeded(inputs, layers.BatchNormalization(epsilon=0.1)(x))
    kernel, gamma, beta, mean, variance = (
        np.asarray(w, "float64") for w in model.get_weights()
    )
    folded_kernel, bias = folded_alike(model).get_weights()
    scale = gamma / np.sqrt(variance + 0.1)
    assert np.array_equal(folded_kernel, np.float32(kernel * scale))
    assert np.array_equal(bias, np.float32(beta - mean * scale))


def test_paddings_become_those_of_convolutions_where_they_are_the_same():
    cases = [
        (9, ((1, 1), (1, 1)), {"kernel_size": 3}, True),
        (9, ((0, 1), (1, 2)), {"kernel_size": (2, 4)}, True),
        (9, ((1, 0), (1, 2)), {"kernel_size": (2, 4)}, False),
        (9, ((2, 2), (2, 2)), {"kernel_size": 3, "dilation_rate": 2}, True),
        (9, ((1, 1), (1, 1)), {"kernel_size": 3, "strides": 2}, True),
        (8, ((1, 1), (1, 1)), {"kernel_size": 3, "strides": 2}, False),
        (8, ((0, 1), (0, 1)), {"kernel_size": 3, "strides": 2}, True),
        (9, ((0, 1), (0, 1)), {"kernel_size": 3, "strides": 2}, False),
        (None, ((1, 1), (1, 1)), {"kernel_size": 3}, True),
        (None, ((0, 1), (0, 1)), {"kernel_size": 3, "strides": 2}, False),
        (9, ((1, 1), (1, 1)), {"kernel_size": 3, "padding": "same"}, False),
    ]
    for side, padding, arguments, merged in cases:
        inputs = keras.Input((side, side, 3))
        x = layers.Conv2D(4, **arguments)(layers.ZeroPadding2D(padding)(inputs))
        folded = folded_alike(seeded(inputs, x))
        assert ("ZeroPadding2D" not in kinds(folded)) == merged, (side, arguments)


def test_answers_do_not_depend_on_the_order_of_outputs():
    inputs = {"b": keras.Input((4,), name="b"), "a": keras.Input((3,), name="a")}
    x = layers.BatchNormalization()(layers.Dense(5)(inputs["a"]))
    y = layers.BatchNormalization()(layers.Dense(5)(inputs["b"]))
    model = seeded(inputs, {"sum": layers.Add()([x, y]), "b": y, "nested": [x]})
    rng = np.random.default_rng(0)
    x = {key: rng.normal(size=(2, 3 + (key == "b"))) for key in ("a", "b")}
    folded = folded_alike(model, x)
    assert sorted(kinds(folded)) == ["Add", "Dense", "Dense"]
    outputs = folded(x)
    assert list(outputs) == list(model(x))
    assert answers(folded, x).size == 30
