import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_senet


def reference(x, weights, squeeze="avg", axis=-1):
    """Equations 2 to 4 of the paper, in NumPy."""
    w1, b1, w2, b2 = weights
    x = np.moveaxis(x, axis, -1)
    positions = tuple(range(1, x.ndim - 1))
    z = x
    if squeeze:
        z = {"avg": np.mean, "max": np.max}[squeeze](x, axis=positions, keepdims=True)
    s = 1 / (1 + np.exp(-(np.maximum(z @ w1 + b1, 0) @ w2 + b2)))
    return np.moveaxis(s * x, -1, axis), s


def built(x, **kwargs):
    """A layer whose biases are not zero."""
    layer = keras_senet.SqueezeExcite(bias_initializer="random_normal", **kwargs)
    return layer, np.asarray(keras.ops.convert_to_numpy(layer(x)))


@settings(max_examples=40, deadline=None)
@given(
    positions=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    batch=st.integers(1, 3),
    channels=st.integers(1, 20),
    reduction=st.integers(1, 24),
    squeeze=st.sampled_from(["avg", "max", None]),
    channels_first=st.booleans(),
    seed=st.integers(0, 99),
)
def test_equals_the_paper_in_numpy(
    positions, batch, channels, reduction, squeeze, channels_first, seed
):
    shape = (batch, *positions, channels)
    axis = -1
    if channels_first:
        shape, axis = (batch, channels, *positions), 1
    x = np.random.default_rng(seed).normal(size=shape).astype("float32")
    layer, y = built(
        x,
        reduction=reduction,
        squeeze=squeeze,
        data_format="channels_first" if channels_first else "channels_last",
    )
    units = max(1, channels // reduction)
    assert [tuple(w.shape) for w in layer.weights] == [
        (channels, units),
        (units,),
        (units, channels),
        (channels,),
    ]
    expected, _ = reference(x, layer.get_weights(), squeeze, axis)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("squeeze", ["avg", "max", None])
@pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_float16", "float64"])
def test_every_dtype_policy(policy, squeeze):
    if policy == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX computes in float32 unless it is told otherwise")
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 32)).astype("float32")
    layer = keras_senet.SqueezeExcite(4, squeeze=squeeze, dtype=policy)
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    weights = [np.asarray(w, dtype="float64") for w in layer.get_weights()]
    expected, _ = reference(x, weights, squeeze)
    got = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")))
    tolerance = {"bfloat16": 0.05, "float64": 1e-6}.get(policy, 0.01)
    np.testing.assert_allclose(got, expected, atol=tolerance, rtol=tolerance)


def test_large_maps_do_not_overflow_in_float16():
    # The sum over 112x112 positions is 376,320; float16 ends at 65,504.
    x = np.full((1, 112, 112, 16), 30.0, "float16")
    layer = keras_senet.SqueezeExcite(dtype="float16", kernel_initializer="zeros")
    assert (keras.ops.convert_to_numpy(layer(x)) == 15).all()
    layer = keras_senet.SqueezeExcite(
        dtype="float16", kernel_initializer="ones", gate_activation="linear"
    )
    gate = (
        keras.ops.convert_to_numpy(layer.compute_gate(x))
        if layer(x) is not None
        else None
    )
    np.testing.assert_allclose(gate, 480, rtol=1e-3)


@pytest.mark.parametrize("rank", [3, 4, 5])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_unknown_sizes(rank, data_format):
    open_axes = (None,) * (rank - 2)
    last = data_format == "channels_last"
    inputs = keras.Input((*open_axes, 8) if last else (8, *open_axes))
    outputs = keras_senet.SqueezeExcite(2, data_format=data_format)(inputs)
    assert outputs.shape == inputs.shape
    model = keras.Model(inputs, outputs)
    for side in (3, 5):
        sizes = (side,) * (rank - 2)
        x = np.ones((2, *sizes, 8) if last else (2, 8, *sizes), "float32")
        assert model(x).shape == x.shape


def test_gradients_reach_every_weight_and_agree_with_differences():
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    layer, _ = built(x, reduction=2, activation="tanh")
    weights = [w.astype("float64") for w in layer.get_weights()]

    def loss(weights):
        w1, b1, w2, b2 = weights
        z = x.astype("float64").mean(axis=(1, 2))
        s = 1 / (1 + np.exp(-(np.tanh(z @ w1 + b1) @ w2 + b2)))
        return ((s[:, None, None] * x) ** 2).sum()

    numeric = []
    for index, weight in enumerate(weights):
        gradient = np.zeros_like(weight)
        for position in np.ndindex(weight.shape):
            step = [w.copy() for w in weights]
            step[index][position] += 1e-6
            above = loss(step)
            step[index][position] -= 2e-6
            gradient[position] = (above - loss(step)) / 2e-6
        numeric.append(gradient)
    for got, expected in zip(gradients(layer, x), numeric, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


def gradients(layer, x):
    """Gradients of the sum of squares of the output, on any backend."""
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x) ** 2)
        found = tape.gradient(loss, [w.value for w in layer.trainable_weights])
    elif name == "jax":
        import jax

        def loss_of(values):
            outputs, _ = layer.stateless_call(values, [], x)
            return (outputs**2).sum()

        found = jax.grad(loss_of)([w.value for w in layer.trainable_weights])
    else:
        layer.zero_grad()
        (layer(x) ** 2).sum().backward()
        found = [w.value.grad for w in layer.trainable_weights]
    return [keras.ops.convert_to_numpy(gradient) for gradient in found]


def test_config_and_file_round_trip(tmp_path):
    layer = keras_senet.SqueezeExcite(
        8,
        units=3,
        activation="relu6",
        gate_activation="hard_sigmoid",
        squeeze="max",
        use_bias=False,
        kernel_initializer="glorot_uniform",
        kernel_regularizer=keras.regularizers.L2(1e-4),
        name="se",
    )
    again = keras_senet.SqueezeExcite.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    inputs = keras.Input((None, None, 8))
    model = keras.Model(inputs, layer(inputs))
    assert len(layer.losses) == 2
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded(x)), keras.ops.convert_to_numpy(model(x))
    )


def test_defaults_follow_the_global_data_format():
    keras.config.set_image_data_format("channels_first")
    assert keras_senet.SqueezeExcite().data_format == "channels_first"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reduction": 0}, r"`reduction` should be .* Received: reduction=0"),
        ({"reduction": 2.5}, r"`reduction` should be .* Received: reduction=2.5"),
        ({"units": 0}, r"`units` should be .* Received: units=0"),
        ({"squeeze": "mean"}, r"`squeeze` should be .* Received: squeeze=mean"),
        ({"data_format": "nhwc"}, r"`data_format` should be .*data_format=nhwc"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_senet.SqueezeExcite(**arguments)


@pytest.mark.parametrize("shape", [(8,), (1, 2, 3, 4, 8)])
def test_wrong_rank(shape):
    with pytest.raises(ValueError, match=r"rank 3, 4 or 5 .*Received: input_shape"):
        keras_senet.SqueezeExcite()(keras.Input(shape))


def test_unknown_channels():
    with pytest.raises(ValueError, match=r"channel axis .*Received: input_shape"):
        keras_senet.SqueezeExcite()(keras.Input((4, 4, None)))


def test_other_channels_than_built_for():
    layer = keras_senet.SqueezeExcite()
    layer.build((None, 4, 4, 8))
    with pytest.raises(ValueError, match="axis -1"):
        layer(np.ones((1, 4, 4, 9), "float32"))
