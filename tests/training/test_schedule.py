"""Learning rates over the steps, and what the validation loss changes."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_senet.training.optimization import ScheduleRecipe
from keras_senet.training.schedules import WarmUp, drops, learning_rate, stale

pytestmark = pytest.mark.usefixtures("only_tensorflow")
LOSSES = st.lists(st.integers(0, 6).map(float), max_size=30)


def rates(recipe, rate, steps, count):
    schedule = learning_rate(recipe, rate, steps)
    return np.array([float(schedule(step)) for step in range(count)])


def test_cosine_warms_up_and_falls_to_zero():
    found = rates(ScheduleRecipe(epochs=10), 0.4, 20, 201)
    assert found[0] == 0
    assert found.argmax() == 20
    assert found.max() == pytest.approx(0.4)
    assert found[10] == pytest.approx(0.2)
    assert found[110] == pytest.approx(0.2)
    assert found[200] == pytest.approx(0, abs=1e-7)


def test_the_paper_divides_by_ten_every_thirty_epochs():
    recipe = ScheduleRecipe(
        name="step", epochs=100, warmup_epochs=0.0, drop_epochs=(30, 60, 90)
    )
    found = rates(recipe, 0.6, 3, 300)
    epochs = found.reshape(100, 3)
    np.testing.assert_allclose(epochs.min(1), epochs.max(1))
    expected = [0.6] * 30 + [0.06] * 30 + [0.006] * 30 + [0.0006] * 10
    np.testing.assert_allclose(epochs[:, 0], expected, rtol=1e-6)


def test_steps_after_a_warm_up_drop_where_they_would_without():
    recipe = ScheduleRecipe(
        name="step", epochs=4, warmup_epochs=0.5, drop_epochs=(2,), factor=0.2
    )
    found = rates(recipe, 1.0, 10, 40)
    np.testing.assert_allclose(found[:5], np.arange(5) / 5, atol=1e-7)
    np.testing.assert_allclose(found[5:20], 1)
    np.testing.assert_allclose(found[20:], 0.2)


def test_constant():
    recipe = ScheduleRecipe(name="constant", epochs=3, warmup_epochs=0.0)
    np.testing.assert_allclose(rates(recipe, 0.3, 7, 21), 0.3)


def test_warm_up_survives_serialization():
    schedule = WarmUp(4, keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    config = keras.saving.serialize_keras_object(schedule)
    again = keras.saving.deserialize_keras_object(config)
    assert [float(again(x)) for x in range(30)] == [
        float(schedule(x)) for x in range(30)
    ]


class Fitted:
    """What Keras' callbacks want of a model."""

    def __init__(self):
        self.optimizer = keras.optimizers.SGD(1.0)
        self.stop_training = False


@given(losses=LOSSES, patience=st.integers(1, 4))
def test_drops_are_those_of_keras(losses, patience):
    callback = keras.callbacks.ReduceLROnPlateau(
        factor=0.5, patience=patience, min_delta=0.0
    )
    callback.set_model(Fitted())
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
    rate = float(keras.ops.convert_to_numpy(callback.model.optimizer.learning_rate))
    assert rate == 0.5 ** drops(losses, patience)


@given(losses=LOSSES.filter(bool), patience=st.integers(1, 4))
def test_stopping_early_is_that_of_keras(losses, patience):
    callback = keras.callbacks.EarlyStopping(patience=patience, mode="min")
    callback.set_model(Fitted())
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        assert not callback.model.stop_training
        callback.on_epoch_end(epoch, {"val_loss": loss})
        stops = stale(losses[: epoch + 1]) >= patience
        assert stops == callback.model.stop_training
        if stops:
            break
