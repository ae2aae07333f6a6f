"""Replicas compute what one device does, and what they cannot is refused."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from keras_senet.errors import InputError

pytestmark = pytest.mark.usefixtures("only_tensorflow")

# Three steps on a batch of random images; one strategy for each process.
STEPS = """
import sys
import keras, numpy as np
from keras_senet.data.digits import digits
from keras_senet.training.compiling import precision, trainable
from keras_senet.training.distribute import run_strategy
from keras_senet.training.freezing import freeze, phases
from keras_senet.training.recipe_text import recipe_from
out, devices, *options = sys.argv[1:]
recipe = recipe_from({}, options)
strategy = run_strategy(int(devices))
keras.utils.set_random_seed(0)
with strategy.scope(), precision(recipe):
    model = trainable(recipe, digits(), 10, replicas=strategy.num_replicas_in_sync)
freeze(model, phases(recipe)[0])
random = np.random.default_rng(1)
x = random.integers(0, 256, (24, 8, 8, 3)).astype("uint8")
y = random.integers(0, 10, 24)
import tensorflow as tf
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8, drop_remainder=True)
before = [w.numpy() for w in model.trainable_variables]
logs = model.fit(data, verbose=0, shuffle=False).history
after = [w.numpy() for w in model.trainable_variables]
assert max(np.abs(a - b).max() for a, b in zip(before, after)) > 1e-3
np.savez(out, logs["loss"], *after)
"""
SMALL = ["--data.image_size=8", "--data.batch_size=8", "--schedule.epochs=2"]


def stepped(tmp_path, devices, *options):
    path = tmp_path / f"{devices}{len(list(tmp_path.iterdir()))}.npz"
    command = [sys.executable, "-c", STEPS, str(path), str(devices), *SMALL, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]


def largest_difference(a, b):
    assert len(a) == len(b)
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))


# Constant and without a warm-up, whose first step would be none.
RATE = ["--optimizer.learning_rate=0.01", "--schedule.name=constant"]
RATE += ["--schedule.warmup_epochs=0", "--regularization.weight_decay=1e-3"]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return stepped(tmp_path_factory.mktemp("one"), 1, *RATE)


@pytest.mark.slow
def test_weights_after_some_steps_are_those_of_one(tmp_path, one):
    assert largest_difference(one, stepped(tmp_path, 2, *RATE)) < 1e-5


@pytest.mark.slow
def test_so_they_are_with_frozen_normalization(tmp_path):
    options = [*RATE, "--regularization.frozen_batch_norm=2"]
    frozen, two = (stepped(tmp_path, x, *options) for x in (1, 2))
    assert largest_difference(frozen, two) < 1e-5


@pytest.mark.slow
def test_unsynchronized_replicas_do_not(tmp_path, one):
    two = stepped(tmp_path, 2, *RATE, "--compute.synchronized_batch_norm=false")
    assert largest_difference(one, two) > 1e-4


@pytest.mark.slow
def test_steps_in_one_call_and_xla_change_nothing(tmp_path, one):
    together = stepped(tmp_path, 1, *RATE, "--compute.steps_per_execution=3")
    assert largest_difference(one, together) == 0
    compiled = stepped(tmp_path, 1, *RATE, "--compute.jit_compile=true")
    assert 0 < largest_difference(one, compiled) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_near(tmp_path, one, policy):
    mixed = stepped(tmp_path, 1, *RATE, f"--compute.precision={policy}")
    assert all(x.dtype == np.float32 for x in mixed[1:])
    assert 1e-6 < largest_difference(one[1:], mixed[1:]) < 0.03


class Replicas:
    def __init__(self, count):
        self.num_replicas_in_sync = count


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("data", {"batch_size": 33}, "divide by 2 replicas. Received: batch_size=33"),
        ("compute", {"jit_compile": True}, "compute.jit_compile is for one device"),
        ("compute", {"precision": "mixed_float16"}, "overflows on the first"),
        ("compute", {"accumulate": 2}, "compute.accumulate is for one device"),
        ("regularization", {"clip_norm": 1.0}, "regularization.clip_norm is for one"),
    ],
)
def test_what_replicas_cannot_do_is_refused(section, changes, message):
    from keras_senet.training.checks import check_computable
    from keras_senet.training.recipe import Recipe

    recipe = Recipe()
    recipe = replace(recipe, **{section: replace(getattr(recipe, section), **changes)})
    with pytest.raises(InputError, match=message):
        check_computable(recipe, Replicas(2))
    if section != "data":
        check_computable(recipe, Replicas(1))


def test_float16_on_a_cpu_is_refused_for_grouped_convolutions():
    import keras

    import keras_senet
    from keras_senet.training.checks import check_computable
    from keras_senet.training.recipe_text import recipe_from

    recipe = recipe_from({}, ["--compute.precision=mixed_float16"])
    with keras.StatelessScope(initialize_variables=False):
        plain = keras_senet.SEResNet18(weights=None)
        grouped = keras_senet.SEResNeXt26(weights=None)
    check_computable(recipe, Replicas(1), plain)
    with pytest.raises(InputError, match="take mixed_bfloat16"):
        check_computable(recipe, Replicas(1), grouped)


def test_executions_must_fill_an_epoch():
    from keras_senet.training.checks import check_steps
    from keras_senet.training.recipe_text import recipe_from

    recipe = recipe_from({}, ["--compute.steps_per_execution=4"])
    check_steps(recipe, 8)
    with pytest.raises(InputError, match=r"divide the 39 steps .* such as 3"):
        check_steps(recipe, 39)
