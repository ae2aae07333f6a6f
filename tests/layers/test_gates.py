import keras
import numpy as np
import pytest
from test_squeeze_excite import reference

import keras_senet


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")


def numbers(outputs):
    return {name: keras.ops.convert_to_numpy(x) for name, x in outputs.items()}


def test_gates_are_those_that_the_network_multiplies_by(images):
    network = keras_senet.SEResNet20()
    for weight in network.weights:
        if weight.name.endswith("_bias"):
            weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    found = numbers(keras_senet.gates(network)(images))
    names = [f"stage{s}_block{b}_se" for s in (2, 3, 4) for b in (1, 2, 3)]
    assert list(found) == names
    for name in names:
        block = network.get_layer(name)
        before = keras.Model(network.input, block.input)(images)
        _, s = reference(keras.ops.convert_to_numpy(before), block.get_weights())
        np.testing.assert_allclose(found[name], s[:, 0, 0], rtol=1e-5, atol=1e-6)


def test_gates_of_a_reloaded_model_and_a_saved_model_of_gates(tmp_path, images):
    network = keras_senet.SEResNet20()
    expected = numbers(keras_senet.gates(network)(images))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    model = keras_senet.gates(loaded)
    model.save(tmp_path / "gates.keras")
    for again in (model, keras.models.load_model(tmp_path / "gates.keras")):
        found = numbers(again(images))
        assert found.keys() == expected.keys()
        for name, gate in found.items():
            np.testing.assert_array_equal(gate, expected[name])


def test_gates_follow_training_and_leave_the_network_alone(images):
    network = keras_senet.SEResNet20()
    model = keras_senet.gates(network)
    layers, outputs = len(network.layers), network(images)
    assert model.get_layer("stage4_block3_se_gate").block is network.get_layer(
        "stage4_block3_se"
    )
    block = network.get_layer("stage4_block3_se")
    block.expand_kernel.assign(np.zeros(block.expand_kernel.shape))
    block.expand_bias.assign(np.full(64, 100.0))
    assert (numbers(model(images))["stage4_block3_se"] == 1).all()
    assert len(network.layers) == layers
    assert network.get_layer("stage2_block1_se").output.shape == (None, 32, 32, 16)
    assert outputs.shape == (2, 10)


def test_nested_shared_and_full_map_blocks(images):
    inner = keras_senet.SEResNet20(include_top=False, pooling="avg", name="inner")
    shared = keras_senet.SqueezeExcite(2, name="shared")
    full = keras_senet.SqueezeExcite(1, squeeze=None, name="full")
    first = keras.layers.Conv2D(8, 3, padding="same", name="first")
    inputs = keras.Input((32, 32, 3))
    x = full(shared(shared(first(inputs))))
    x = keras.layers.Conv2D(3, 3, padding="same")(x)
    model = keras.Model(inputs, inner(x))
    found = numbers(keras_senet.gates(model)(images))
    assert found["shared"].shape == found["shared_1"].shape == (2, 8)
    assert found["full"].shape == (2, 32, 32, 8)
    assert found["inner/stage4_block3_se"].shape == (2, 64)
    assert len(found) == 12
    twice = keras.Model(inputs, shared(first(inputs)))
    again = keras.ops.convert_to_numpy(shared.compute_gate(twice(images)))[:, 0, 0]
    np.testing.assert_allclose(found["shared_1"], again, rtol=1e-5, atol=1e-6)


def test_channels_first_gates_and_sequential_models():
    model = keras.Sequential(
        [
            keras.Input((8, 4, 4)),
            keras_senet.SqueezeExcite(2, data_format="channels_first", name="se"),
        ]
    )
    gates = keras_senet.gates(model)(np.ones((3, 8, 4, 4), "float32"))
    assert gates["se"].shape == (3, 8)


@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16"])
def test_gates_have_the_dtype_of_their_block(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    inputs = keras.Input((4, 4, 8))
    keras.Model(inputs, keras_senet.SqueezeExcite(2, name="se")(inputs)).save(
        tmp_path / "model.keras"
    )
    keras.config.set_dtype_policy("float32")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    gates = keras_senet.gates(loaded)(np.ones((1, 4, 4, 8), "float32"))
    compute_dtype = loaded.get_layer("se").compute_dtype
    assert keras.backend.standardize_dtype(gates["se"].dtype) == compute_dtype
    assert compute_dtype == policy.removeprefix("mixed_")


def test_refuses_what_has_no_gates():
    inputs = keras.Input((4,))
    plain = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    with pytest.raises(ValueError, match="at least one `SqueezeExcite` layer"):
        keras_senet.gates(plain)
    with pytest.raises(ValueError, match="functional Keras model"):
        keras_senet.gates("resnet")
