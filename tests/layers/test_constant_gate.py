import keras
import numpy as np
import pytest

from keras_senet.layers import ConstantGate

GATES = np.array([0.5, -2.0, 0.0, 1.25], "float32")


def with_gates(layer, shape):
    layer.build(shape)
    layer.gate.assign(GATES)
    return layer


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("rank", [3, 4, 5])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_channels_are_multiplied(rank, data_format):
    first = data_format == "channels_first"
    sides = (5, 3, 2)[: rank - 2]
    shape = (2, 4, *sides) if first else (2, *sides, 4)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layer = with_gates(ConstantGate(data_format=data_format), (None, *shape[1:]))
    moved = np.moveaxis(x, 1, -1) * GATES if first else x * GATES
    expected = np.moveaxis(moved, -1, 1) if first else moved
    np.testing.assert_array_equal(numpy(layer(x)), expected)
    assert layer.compute_output_shape(shape) == shape
    assert not layer.trainable_weights
    assert [weight.path for weight in layer.weights] == [f"{layer.name}/gate"]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_files_and_clones_keep_it(tmp_path, data_format):
    inputs = keras.Input((4, 6, 4))
    layer = ConstantGate(data_format=data_format, name="block")
    model = keras.Model(inputs, layer(inputs))
    layer.gate.assign(GATES)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").get_layer("block")
    model.save_weights(tmp_path / "model.weights.h5")
    clone = keras.models.clone_model(model)
    np.testing.assert_array_equal(numpy(clone.get_layer("block").gate), 1)
    clone.load_weights(tmp_path / "model.weights.h5")
    for copy in (loaded, clone.get_layer("block")):
        assert copy.data_format == data_format
        np.testing.assert_array_equal(numpy(copy.gate), GATES)


def test_policies():
    x = np.ones((2, 3, 4), "float32")
    layer = with_gates(ConstantGate(dtype="mixed_bfloat16"), x.shape)
    assert keras.backend.standardize_dtype(layer(x).dtype) == "bfloat16"
    assert layer.gate.dtype == "float32"


def test_masks_pass():
    inputs = keras.Input((5,), dtype="int32")
    x = ConstantGate()(keras.layers.Embedding(3, 4, mask_zero=True)(inputs))
    counted = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, counted)
    a, b = np.array([[1, 2, 0, 0, 0]]), np.array([[1, 2]])
    np.testing.assert_allclose(
        numpy(model(a)),
        numpy(model.layers[1](b)).mean(axis=1),
        rtol=1e-6,
    )


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"`data_format` should be .*middle"):
        ConstantGate(data_format="middle")
    for shape in [(None, 4), (None, 3, None)]:
        with pytest.raises(ValueError, match="rank 3, 4 or 5 and a defined channel"):
            ConstantGate().build(shape)
