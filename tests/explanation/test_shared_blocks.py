"""Blocks that are called several times have one constant."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.evaluation.excitation import measure_gates
from keras_senet.explanation.advice import Study
from keras_senet.explanation.explaining import constant_gates

pytestmark = pytest.mark.usefixtures("only_tensorflow")
pytest.importorskip("scipy")


def test_the_constant_of_a_shared_block_is_the_mean_over_its_calls():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 6))
    block = keras_senet.SqueezeExcite(2, name="twice")
    x = keras_senet.SqueezeExcite(2, name="once")(block(inputs))
    x = keras.layers.GlobalAveragePooling2D()(block(x))
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    images = np.random.default_rng(0).normal(size=(5, 4, 4, 6)).astype("float32")
    batches = [(images, np.array([0, 1, 0, 1, 1]), np.ones(5))]
    found = constant_gates(model, measure_gates(model, batches, ["a", "b"]))
    assert sorted(found) == ["once", "twice"]
    gates = keras_senet.gates(model)(images)
    calls = [gates[name].numpy() for name in ("twice", "twice_1")]
    np.testing.assert_allclose(found["twice"], np.mean(calls, (0, 1)), rtol=1e-5)
    np.testing.assert_allclose(found["once"], gates["once"].numpy().mean(0), rtol=1e-5)
    cost = Study(model, lambda: batches, found).cost(["twice"])
    # The first call is before the other block, where six constants stay.
    assert cost.parameters == block.count_params() - 6
