import keras
import numpy as np
import pytest
from test_squeeze_excite import reference

import keras_senet


def features(seed=0):
    """Maps whose means over positions keep their signs between images."""
    draw = np.random.default_rng(seed)
    means = np.random.default_rng(9).choice([-2.0, 2.0], size=32)
    return (means + 0.5 * draw.normal(size=(8, 5, 5, 32))).astype("float32")


def network(**arguments):
    inputs = keras.Input((5, 5, 32))
    x = keras_senet.SqueezeExcite(identity_init=True, name="se", **arguments)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


@pytest.mark.parametrize("squeeze", ["avg", "max", None])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("policy", ["float32", "float16", "mixed_bfloat16"])
def test_the_first_output_is_the_input(policy, use_bias, squeeze):
    layer = keras_senet.SqueezeExcite(
        4, use_bias=use_bias, squeeze=squeeze, identity_init=True, dtype=policy
    )
    x = keras.ops.cast(features(), layer.compute_dtype)
    same = keras.ops.equal(layer(x), x)
    assert keras.ops.convert_to_numpy(same).all()


@pytest.mark.parametrize("units", [1, 2, 16])
def test_every_element_learns(units):
    model = network(units=units)
    layer = model.get_layer("se")
    before = [weight.copy() for weight in layer.get_weights()]
    model.compile(keras.optimizers.SGD(0.1), "mse")
    y = np.random.default_rng(1).normal(size=(8, 3))
    model.fit(features(), y, batch_size=8, epochs=3, verbose=0)
    for now, then in zip(layer.get_weights(), before, strict=True):
        assert (now != then).all()


def test_hidden_units_are_alive_from_any_seed():
    # He's start without an offset, for comparison: half of the units are dead.
    z = features().mean(axis=(1, 2))
    alive = {True: [], False: []}
    for seed in range(20):
        keras.utils.set_random_seed(seed)
        for blank in alive:
            layer = keras_senet.SqueezeExcite(units=2, identity_init=blank)
            layer.build((None, 5, 5, 32))
            w1, b1, *_ = layer.get_weights()
            alive[blank] += list((z @ w1 + b1 > 0).any(axis=0))
    assert np.mean(alive[True]) == 1
    assert np.mean(alive[False]) < 0.8


def test_gates_go_up_to_two_and_equal_the_formula():
    model = network(reduction=4)
    layer = model.get_layer("se")
    draw = np.random.default_rng(2)
    layer.set_weights([draw.normal(size=w.shape) for w in layer.get_weights()])
    x = features()
    _, s = reference(x, layer.get_weights())
    got = keras.ops.convert_to_numpy(keras_senet.gates(model)(x)["se"])
    np.testing.assert_allclose(got, 2 * s[:, 0, 0], rtol=1e-4, atol=1e-6)
    assert got.max() > 1.5


def test_own_starts_are_given_up():
    layer = keras_senet.SqueezeExcite(
        4, identity_init=True, kernel_initializer="ones", bias_initializer="ones"
    )
    layer.build((None, 5, 5, 32))
    reduce_kernel, reduce_bias, expand_kernel, expand_bias = layer.get_weights()
    assert 0 < reduce_kernel.std() < 0.03  # sqrt(0.01 / 32) is 0.018
    assert (reduce_bias == 1).all()
    assert not expand_kernel.any() and not expand_bias.any()


def test_round_trip(tmp_path):
    layer = keras_senet.SqueezeExcite(identity_init=True)
    assert keras_senet.SqueezeExcite.from_config(layer.get_config()).identity_init
    assert not keras_senet.SqueezeExcite().get_config()["identity_init"]
    model = network()
    model.get_layer("se").expand_bias.assign(np.linspace(-1, 1, 32))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        *(keras.ops.convert_to_numpy(m(features())) for m in (model, loaded))
    )


def test_other_gates_are_refused():
    with pytest.raises(ValueError, match=r"'sigmoid' with `identity_init=True`.*tanh"):
        keras_senet.SqueezeExcite(identity_init=True, gate_activation="tanh")
