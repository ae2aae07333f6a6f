"""Weight decay, and what else a recipe asks of an optimizer."""

import keras
import numpy as np
import pytest

from keras_senet.training.optimization import OptimizerRecipe, RegularizationRecipe
from keras_senet.training.optimizers import PenalizedSGD, make_optimizer

pytestmark = pytest.mark.usefixtures("only_tensorflow")


def network(penalty=0.0):
    keras.utils.set_random_seed(3)
    regularizer = keras.regularizers.L2(penalty / 2) if penalty else None
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(4, 3, kernel_regularizer=regularizer)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(3, activation="softmax", kernel_regularizer=regularizer)(x)
    return keras.Model(inputs, x)


def data(count=32):
    random = np.random.default_rng(0)
    return random.normal(size=(count, 6, 6, 2)), random.integers(0, 3, count)


def trained(model, optimizer, steps=5):
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    x, y = data()
    for _ in range(steps):
        model.train_on_batch(x, y)
    return model.get_weights()


@pytest.mark.parametrize("nesterov", [True, False])
def test_decay_is_that_of_an_l2_penalty(nesterov):
    ours = PenalizedSGD(0.1, momentum=0.9, nesterov=nesterov, decay=0.05)
    theirs = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=nesterov)
    found = trained(network(), ours)
    expected = trained(network(penalty=0.05), theirs)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    plain = trained(network(), keras.optimizers.SGD(0.1, momentum=0.9))
    assert np.abs(plain[0] - found[0]).max() > 1e-3


def test_decay_is_not_keras_own_which_is_outside_the_momentum():
    ours = trained(network(), PenalizedSGD(0.1, momentum=0.9, decay=0.05))
    theirs = keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.05)
    assert np.abs(ours[0] - trained(network(), theirs)[0]).max() > 1e-3


def test_serialization():
    optimizer = PenalizedSGD(0.1, momentum=0.9, decay=0.05, global_clipnorm=1.0)
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is PenalizedSGD
    assert again.get_config() == optimizer.get_config()


def made(name, accumulate=1, **regularization):
    model = network()
    optimizer = make_optimizer(
        OptimizerRecipe(name=name, learning_rate=0.01),
        RegularizationRecipe(**regularization),
        0.01,
        accumulate,
        model.trainable_variables,
    )
    return model, optimizer


@pytest.mark.parametrize("name", ["adamw", "lamb"])
def test_only_kernels_decay(name):
    changes = []
    for decay in (0.0, 0.5):
        model, optimizer = made(name, weight_decay=decay)
        trained(model, optimizer, steps=1)
        changes.append({x.path.split("/")[-1]: x.numpy() for x in model.weights})
    without, with_decay = changes
    assert np.abs(without["kernel"] - with_decay["kernel"]).max() > 1e-4
    for other in ("bias", "gamma", "beta"):
        np.testing.assert_allclose(without[other], with_decay[other], atol=1e-7)


def test_clipping_bounds_the_step():
    model, optimizer = made("sgd", clip_norm=1e-3)
    before = [x.numpy() for x in model.trainable_variables]
    trained(model, optimizer, steps=1)
    change = [
        a - b.numpy() for a, b in zip(before, model.trainable_variables, strict=True)
    ]
    # Nesterov's first step is 1.9 times the gradient.
    norm = np.sqrt(sum((x**2).sum() for x in change))
    assert norm == pytest.approx(0.01 * 1.9 * 1e-3, rel=1e-3)


def test_two_halves_accumulate_to_a_whole():
    # Without batch normalization, for which halves are no whole.
    def small():
        keras.utils.set_random_seed(1)
        inputs = keras.Input((6, 6, 2))
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
        return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))

    x, y = data()
    weights = []
    for accumulate, parts in ((1, [slice(0, 32)]), (2, [slice(0, 16), slice(16, 32)])):
        model = small()
        _, optimizer = made("sgd", accumulate=accumulate)
        model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        for _ in range(3):
            for part in parts:
                model.train_on_batch(x[part], y[part])
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_accumulated_steps_follow_the_schedule():
    """Keras counts batches, not changes of the weights."""
    from keras_senet.training.optimization import ScheduleRecipe
    from keras_senet.training.schedules import learning_rate

    schedule = ScheduleRecipe(
        name="step", epochs=4, warmup_epochs=0.0, drop_epochs=(2,), factor=0.1
    )
    weight = keras.Variable(np.zeros(3, "float32"))
    optimizer = make_optimizer(
        OptimizerRecipe(momentum=0.0, nesterov=False),
        RegularizationRecipe(),
        learning_rate(schedule, 1.0, steps=4),
        2,
        [weight],
    )
    values = [0.0]
    for _ in range(16):
        optimizer.apply([keras.ops.ones(3)], [weight])
        values.append(float(keras.ops.convert_to_numpy(weight)[0]))
    np.testing.assert_allclose(values[0:9:2], [0, -1, -2, -3, -4], rtol=1e-6)
    np.testing.assert_allclose(values[10::2], [-4.1, -4.2, -4.3, -4.4], rtol=1e-6)
