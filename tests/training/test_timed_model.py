"""Time that is spent waiting for input, each strategy in a process of its own."""

import json
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from test_progress import compiled, fit

pytestmark = pytest.mark.usefixtures("only_tensorflow")

# Trains a network with and without a clock, on input that sleeps or does not.
PROGRAM = """
import io, json, sys, time
import keras, numpy as np, tensorflow as tf
from rich.console import Console
from keras_senet.training.distribute import run_strategy
from keras_senet.training.progress import Progress
from keras_senet.training.tensorboard import TensorBoardLogs
from keras_senet.training.timed_model import TimedModel
import keras_senet

devices, seconds, options, folder = json.loads(sys.argv[1])
strategy = run_strategy(devices) if devices else tf.distribute.get_strategy()
rng = np.random.default_rng(0)
images = rng.integers(0, 256, (64, 32, 32, 3)).astype("float32")
labels = rng.integers(0, 10, 64)

def slow(x):
    time.sleep(seconds)
    return x

def load(x, y):
    return tf.ensure_shape(tf.numpy_function(slow, [x], tf.float32), (32, 32, 3)), y

data = tf.data.Dataset.from_tensor_slices((images, labels))
data = data.map(load) if seconds else data
data = data.batch(16, drop_remainder=True)
data = (data if seconds else data.cache()).repeat()
weights, shares = [], []
for kind in (keras.Model, TimedModel):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        inputs = x = keras.Input((32, 32, 3))
        for block in range(3):
            x = keras.layers.Conv2D(32, 3, padding="same")(x)
            x = keras.layers.BatchNormalization(synchronized=bool(devices))(x)
            x = keras_senet.SqueezeExcite(4)(keras.layers.ReLU()(x))
        x = keras.layers.GlobalAveragePooling2D()(x)
        outputs = keras.layers.Dense(10, activation="softmax")(x)
        model = kind(inputs, outputs)
        model.compile("sgd", "sparse_categorical_crossentropy", **options)
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    progress = Progress(images_per_step=16, steps=6, epochs=2, console=screen)
    callbacks = [progress]
    if folder:
        callbacks.append(TensorBoardLogs(folder, images[:4]))
    model.fit(data, epochs=2, steps_per_epoch=6, verbose=0, callbacks=callbacks)
    # The metrics of all replicas, while they were training.
    assert not seconds or " loss " in screen.file.getvalue()
    weights.append([x.numpy() for x in model.variables])
    shares.append(progress.rates["input_share"])
    shares.append(len(weights[-1]))
equal = all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
print(json.dumps([equal, *shares]))
"""


def train(devices, seconds, folder=None, **options):
    arguments = json.dumps(
        [devices, seconds, {"jit_compile": False, **options}, folder]
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    equal, untimed, variables, timed, timed_variables = json.loads(
        done.stdout.splitlines()[-1]
    )
    assert equal
    assert untimed is None
    assert variables == timed_variables
    return timed


@pytest.mark.slow
@pytest.mark.parametrize("devices", [None, 1, 2])
def test_waiting_for_input_is_told_from_computing(devices, tmp_path):
    # 16 images of 20 ms each: far more than a step of this network. How large the
    # shares are depends on what else the machine does; which is larger does not.
    waiting = train(devices, 0.02)
    computing = train(devices, 0.0, folder=str(tmp_path / "logs"))
    assert 0 <= computing < waiting <= 1


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"jit_compile": True}, {"steps_per_execution": 3}])
def test_where_time_is_not_known_there_is_none(options):
    assert train(None, 0.0, **options) is None


def made(kind, **options):
    network = compiled()
    model = kind(network.input, network.output)
    loss = "sparse_categorical_crossentropy"
    model.compile("sgd", loss, **{"jit_compile": False, **options})
    return model


@pytest.mark.parametrize("eager", [False, True])
def test_the_time_is_that_of_the_last_batch(eager):
    from keras_senet.training.timed_model import TimedModel

    model = made(TimedModel, run_eagerly=eager)
    assert model.arrived() is None
    for _ in range(2):
        before = time.time()
        fit(model, [], steps=2)
        assert before < model.arrived() < time.time()


def test_the_clock_is_no_part_of_the_model(tmp_path):
    import tensorflow as tf

    from keras_senet.training.timed_model import TimedModel

    variables, tracked = [], []
    for kind in (keras.Model, TimedModel):
        model = made(kind)
        assert set(fit(model, [])) == {"loss"}
        variables.append([x.name for x in model.variables])
        files = tf.train.Checkpoint(model=model).write(str(tmp_path / kind.__name__))
        tracked.append(tf.train.list_variables(files))
    assert variables[0] == variables[1]
    assert tracked[0] == tracked[1]
    shell = keras.Model(model.input, model.output, name=model.name)
    shell.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert not isinstance(loaded, TimedModel)
    x = np.ones((1, 2), "float32")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_a_model_that_is_trained_within_a_scope_has_no_clock():
    import tensorflow as tf

    from keras_senet.training.timed_model import TimedModel

    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        model = made(TimedModel)
        model.make_train_function()
    assert model.arrived() is None
    fit(model, [])
