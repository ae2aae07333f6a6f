import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")


def test_learning_rate_warms_up_and_falls_to_zero():
    from keras_senet.training.network import compile_model
    from keras_senet.training.recipe import Recipe

    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs))
    compile_model(model, Recipe(epochs=10, learning_rate=0.4), steps=20, shares=False)
    schedule = model.optimizer._learning_rate
    rates = np.array([float(schedule(step)) for step in range(201)])
    assert rates[0] == 0
    assert rates.argmax() == 20
    assert rates.max() == pytest.approx(0.4)
    assert rates[10] == pytest.approx(0.2)
    assert rates[110] == pytest.approx(0.2)
    assert rates[200] == pytest.approx(0, abs=1e-7)
