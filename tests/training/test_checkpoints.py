"""Checkpoints: bit for bit there and back, whole or not at all, checked when read."""

import resource
import shutil

import keras
import numpy as np
import pytest

from keras_senet.errors import InputError
from keras_senet.training.checkpoints import Checkpoints, NotFiniteError
from keras_senet.training.copies import averaged
from keras_senet.training.optimizers import PenalizedSGD

pytestmark = pytest.mark.usefixtures("only_tensorflow")


def fitted(steps, units=5):
    keras.utils.set_random_seed(steps)
    inputs = keras.Input((3,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(units)(inputs))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(x))
    optimizer = PenalizedSGD(0.1, momentum=0.9, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer, "mse", jit_compile=False)
    random = np.random.default_rng(0)
    for _ in range(steps):
        model.train_on_batch(random.normal(size=(8, 3)), random.normal(size=(8, units)))
    return model


@pytest.fixture(scope="module")
def model():
    return fitted(3)


def values(model):
    known = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [x.numpy() for x in known]


def test_everything_comes_back(model, tmp_path):
    checkpoints = Checkpoints(tmp_path / "some")
    assert checkpoints.restore(model) is None
    where = checkpoints.save(model, {"epoch": 2, "rows": [{"a": 0.1}]}, 7, 2)
    assert where.name == "000000007.0002"
    other = fitted(1)
    assert checkpoints.restore(other) == {"epoch": 2, "rows": [{"a": 0.1}]}
    for a, b in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not [x for x in tmp_path.rglob(".*")]


def test_only_the_newest_are_kept(model, tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (8, 9, 10, 11):
        checkpoints.save(model, {"step": step}, step, 0)
    assert [x.name for x in checkpoints.all()] == ["000000011.0000", "000000010.0000"]
    assert checkpoints.restore(fitted(1)) == {"step": 11}


def damaged(path, offset):
    bits = bytearray(path.read_bytes())
    bits[offset] ^= 4
    path.write_bytes(bits)


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
@pytest.mark.parametrize("where", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_one_wrong_bit_is_noticed(model, tmp_path, name, where):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, {"step": 1}, 1, 0)
    checkpoints.save(model, {"step": 2}, 2, 0)
    newest = tmp_path / "000000002.0000" / name
    damaged(newest, int(where * newest.stat().st_size))
    with pytest.warns(
        UserWarning, match="000000002.0000 is damaged.*the one before it"
    ):
        assert checkpoints.restore(fitted(1)) == {"step": 1}


@pytest.mark.parametrize("size", [0, 100])
def test_truncated_and_missing_files_are_noticed(model, tmp_path, size):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, {"step": 1}, 1, 0)
    data = tmp_path / "000000001.0000" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:size])
    with (
        pytest.warns(UserWarning, match="000000001.0000 is damaged"),
        pytest.raises(InputError, match=r"All checkpoints in .* are damaged"),
    ):
        checkpoints.restore(fitted(1))
    data.unlink()
    with pytest.warns(UserWarning), pytest.raises(InputError):
        checkpoints.restore(fitted(1))


def test_another_model_is_refused(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, {}, 1, 0)
    larger = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)])
    larger.compile(PenalizedSGD(0.1), "mse", jit_compile=False)
    larger.train_on_batch(np.zeros((8, 3)), np.zeros((8, 5)))
    with pytest.raises(InputError, match="of another model"):
        checkpoints.restore(larger)


def test_what_is_not_finite_is_not_saved(tmp_path):
    model = fitted(1)
    checkpoints = Checkpoints(tmp_path)
    model.weights[0].assign(np.full((3, 5), np.inf))
    with pytest.raises(NotFiniteError, match="After 1 steps 1 weights"):
        checkpoints.save(model, {}, 1, 0)
    assert not list(tmp_path.iterdir())


def test_no_room_keeps_the_last_good_one(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    good = checkpoints.save(model, {"step": 1}, 1, 0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Files may not grow, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(InputError, match=f"too large.*last good one is {good}"):
            checkpoints.save(model, {"step": 2}, 2, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [x.name for x in tmp_path.iterdir()] == ["000000001.0000"]
    assert checkpoints.restore(fitted(1)) == {"step": 1}


def test_a_validated_epoch_comes_after_its_last_step(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, {"validated": True}, 9, 1)
    checkpoints.save(model, {"validated": False}, 9, 0)
    assert checkpoints.restore(fitted(1)) == {"validated": True}


def test_the_only_one_is_kept_until_there_is_another(model, tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(model, {"a": 1}, 9, 0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        for position in ((9, 0), (9, 1)):
            with pytest.raises(InputError, match="the last good one is"):
                checkpoints.save(model, {"a": 2}, *position)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoints.restore(fitted(1)) == {"a": 1}
    checkpoints.save(model, {"a": 3}, 9, 0)
    assert [x.name for x in tmp_path.iterdir()] == ["000000009.0000"]


def test_a_checkpoint_of_the_same_step_is_replaced(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, {"a": 1}, 1, 0)
    checkpoints.save(model, {"a": 2}, 1, 0)
    assert checkpoints.restore(fitted(1)) == {"a": 2}
    shutil.rmtree(tmp_path / "000000001.0000")


def test_averages_go_in_and_out_without_a_trace():
    model = fitted(4)
    weights = [x.numpy() for x in model.trainable_variables]
    means = {
        x.path.split("/")[-1]: x.numpy()
        for x in model.optimizer.variables
        if "average" in x.path
    }
    with averaged(model):
        inside = [x.numpy() for x in model.trainable_variables]
    assert len(means) == len(inside)
    for found, expected in zip(inside, means.values(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert any(not np.array_equal(a, b) for a, b in zip(inside, weights, strict=True))
    for before, after in zip(weights, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after.numpy())
