import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_senet.layers import GroupedConv2D, grouped_convolution

CASES = [
    {"groups": 2, "kernel_size": 3, "padding": "same"},
    {"groups": 32, "kernel_size": 3, "padding": "valid", "strides": 2},
    {"groups": 4, "kernel_size": 1, "padding": "valid", "use_bias": True},
    {"groups": 8, "kernel_size": 3, "padding": "same", "dilation_rate": 2},
]


def reference(x, kernel, groups):
    """Valid, stride one, group by group, in NumPy."""
    size = kernel.shape[0]
    per_input, per_output = kernel.shape[2], kernel.shape[3] // groups
    height, width = x.shape[1] - size + 1, x.shape[2] - size + 1
    y = np.zeros((len(x), height, width, kernel.shape[3]))
    for group in range(groups):
        part = x[..., group * per_input : (group + 1) * per_input]
        filters = slice(group * per_output, (group + 1) * per_output)
        for i, j in np.ndindex(size, size):
            window = part[:, i : i + height, j : j + width]
            y[..., filters] += window @ kernel[i, j, :, filters]
    return y


@settings(max_examples=20, deadline=None)
@given(
    groups=st.integers(2, 8),
    per_input=st.integers(1, 3),
    per_output=st.integers(1, 3),
    size=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_equals_numpy(groups, per_input, per_output, size, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 6, 5, groups * per_input)).astype("float32")
    layer = GroupedConv2D(groups * per_output, size, groups=groups, use_bias=False)
    y = keras.ops.convert_to_numpy(layer(x))
    expected = reference(x, layer.get_weights()[0], groups)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def value_and_gradients(layer, x, jit=False):
    import tensorflow as tf

    @tf.function(jit_compile=jit)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.cast(y, "float32") ** 2)
        return y, *tape.gradient(loss, [x, layer.kernel.value])

    return [np.asarray(t.numpy(), dtype="float64") for t in run(tf.constant(x))]


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_equal_keras_own(case, jit):
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 32)).astype("float32")
    ours, keras_own = GroupedConv2D(64, **case), keras.layers.Conv2D(64, **case)
    ours.build(x.shape)
    keras_own.build(x.shape)
    keras_own.set_weights(ours.get_weights())
    assert ours.get_config().keys() == keras_own.get_config().keys()
    for got, expected in zip(
        value_and_gradients(ours, x, jit),
        value_and_gradients(keras_own, x),
        strict=True,
    ):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(got / scale, expected / scale, atol=1e-5)


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "mixed_float16"])
def test_other_dtypes_have_gradients(dtype):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 8))
    layer = GroupedConv2D(8, 3, groups=4, use_bias=False, dtype=dtype)
    layer.build(x.shape)
    exact = GroupedConv2D(8, 3, groups=4, use_bias=False, dtype="float32")
    exact.build(x.shape)
    exact.set_weights(layer.get_weights())
    x = x.astype("float64" if dtype == "float64" else "float32")
    pairs = zip(
        value_and_gradients(layer, x),
        value_and_gradients(exact, x.astype("float32")),
        strict=True,
    )
    for got, expected in pairs:
        scale = np.abs(expected).max()
        np.testing.assert_allclose(got / scale, expected / scale, atol=0.03)


@pytest.mark.usefixtures("only_tensorflow")
def test_graph_has_one_grouped_convolution_and_no_compiled_function():
    import tensorflow as tf

    layer = GroupedConv2D(64, 3, groups=32)
    spec = tf.TensorSpec((None, 8, 8, 32))
    graph = tf.function(layer).get_concrete_function(spec).graph
    types = [op.type for op in graph.get_operations()]
    assert types.count("Conv2D") == 1
    assert not any("Call" in name for name in types)


@pytest.mark.usefixtures("only_tensorflow")
def test_xla_on_cpu_is_noticed():
    import tensorflow as tf

    if tf.config.list_logical_devices("GPU"):
        pytest.skip("the grouped kernel is good on GPUs")
    seen = []

    def ask(x):
        serves = grouped_convolution._grouped_kernel_serves("float32", "channels_last")
        seen.append(serves)
        return x

    tf.function(ask, jit_compile=True)(tf.ones(1))
    assert seen == [False]


SCRIPT = """
import numpy as np, tensorflow as tf
from keras_senet.layers import GroupedConv2D
layer = GroupedConv2D(8, 3, groups=4, padding="same", use_bias=False)
x = tf.constant(np.random.default_rng(0).normal(size=(1, 5, 5, 8)), tf.float32)
with tf.GradientTape() as tape:
    tape.watch(x)
    loss = tf.reduce_sum(layer(x) ** 2)
print(float(tf.norm(tape.gradient(loss, x))) > 0)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("only_tensorflow")
def test_without_onednn_there_is_a_gradient():
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize("case", CASES)
def test_split_equals_the_grouped_kernel(case):
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 32)).astype("float32")
    layer = GroupedConv2D(64, **case)
    layer.build(x.shape)
    np.testing.assert_allclose(
        layer._split(x, layer.kernel), layer._grouped(x, layer.kernel), atol=1e-5
    )


def test_file_round_trip(tmp_path):
    inputs = keras.Input((8, 8, 8))
    model = keras.Model(inputs, GroupedConv2D(16, 3, groups=4)(inputs))
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 8)).astype("float32")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded(x)), keras.ops.convert_to_numpy(model(x))
    )
