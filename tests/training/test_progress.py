import io
import re
import time

import keras
import numpy as np
import pytest
from rich.console import Console

pytestmark = pytest.mark.usefixtures("only_tensorflow")
STEPS = 10


def compiled(**options):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs))
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        weighted_metrics=[
            "accuracy",
            keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy"),
        ],
        jit_compile=False,
        **options,
    )
    return model


def batches(seconds=0.0):
    """Batches of eight without an end, each of which takes a while."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    examples = rng.normal(size=(8, 2)).astype("float32"), rng.integers(0, 2, 8)

    def wait(x):
        time.sleep(seconds)
        return x

    def slow(x, y):
        return tf.ensure_shape(tf.numpy_function(wait, [x], tf.float32), (8, 2)), y

    return tf.data.Dataset.from_tensors(examples).map(slow).repeat()


def progress(*, terminal=False, **options):
    from keras_senet.training.progress import Progress

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80)
    options = {"images_per_step": 8, "steps": STEPS, "epochs": 3, **options}
    return Progress(console=console, **options), screen


def fit(model, callbacks, *, data=None, epochs=1, first=0, steps=STEPS):
    return model.fit(
        batches() if data is None else data,
        epochs=epochs,
        initial_epoch=first,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=callbacks,
        shuffle=False,
    ).history


def plain(screen):
    """What a terminal shows, one state after the other."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())


class Validation(keras.callbacks.Callback):
    """Puts into the logs what it measured itself."""

    def on_epoch_end(self, epoch, logs):
        logs.update(val_accuracy=0.125, val_cross_entropy=2.5)


def test_a_line_for_each_epoch_has_the_logs(capsys):
    shown, screen = progress()
    history = fit(compiled(), [Validation(), shown], epochs=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert screen.getvalue() == ""
    for epoch, line in enumerate(lines):
        expected = (
            f"Epoch {epoch + 1}/3: accuracy {history['accuracy'][epoch]:.4f}, "
            f"cross entropy {history['cross_entropy'][epoch]:.4f}; "
            "validation 0.1250, 2.5000; "
        )
        assert line.startswith(expected)
        assert re.search(r"; \d+ images/s, - waiting for input; \d+\.\d min", line)
    assert lines[-1].endswith("0.0 min left")


@pytest.mark.parametrize("executed", [1, 4])
def test_rates_are_those_of_the_clock(capsys, executed):
    shown, _ = progress(epochs=61)
    model = compiled(steps_per_execution=executed)
    steps = 12
    shown.steps = steps
    fit(model, [shown], data=batches(0.02), epochs=2, steps=steps)
    # Nothing here is faster than the sleep.
    assert 50 < shown.rates["images_per_second"] < 8 / 0.02
    assert shown.rates["seconds"] > steps * 0.02
    left = float(capsys.readouterr().out.split()[-3])
    assert left == pytest.approx(59 * shown.rates["seconds"] / 60, rel=0.3, abs=0.1)


def test_a_resumed_epoch_and_several_fits(capsys):
    shown, screen = progress(terminal=True, first_step=7)
    model = compiled()
    fit(model, [shown], steps=3)
    fit(model, [shown], first=1, epochs=3)
    drawn = re.findall(r"(\d/3) \S+ +(\d+)/(\d+)", plain(screen))
    assert drawn[0] == ("1/3", "7", "10")
    assert {total for _, _, total in drawn} == {"10"}
    assert ("2/3", "0", "10") in drawn
    printed = capsys.readouterr().out
    assert [x.split(":")[0] for x in printed.splitlines()] == [
        f"Epoch {epoch}/3" for epoch in (1, 2, 3)
    ]


def test_an_epoch_that_was_stopped_is_said_to_be(capsys):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.stop_training = batch == 4

    shown, _ = progress()
    fit(compiled(), [Stop(), shown], epochs=3)
    assert capsys.readouterr().out.startswith("Epoch 1/3 until step 5 of 10: acc")


def test_the_bar_fits_and_is_removed_after_errors(monkeypatch):
    class Break(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 8:
                raise RuntimeError("broken")

    monkeypatch.setattr("keras_senet.training.progress.SECONDS_BETWEEN_LOOKS", 0.0)
    shown, screen = progress(terminal=True, images_per_step=80)
    with pytest.raises(RuntimeError, match="broken"), shown:
        fit(compiled(), [shown, Break()], data=batches(0.05))
    bars = re.findall(r"1/3 [^\r\n]*", plain(screen))
    assert any(
        re.search(r"8/10 loss \d\.\d+ acc \d\.\d+ \d+ img/s 0:\d\d run 0:\d\d", bar)
        for bar in bars
    )
    assert max(len(bar.rstrip()) for bar in bars) < 80
    # The cursor is there again.
    drawn = screen.getvalue()
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")


def test_metrics_stay_on_the_device_between_looks():
    """No callback of ours makes Keras convert the logs of every step."""
    from keras_senet.training.progress import Progress
    from keras_senet.training.tensorboard import TensorBoardLogs

    for callback in (Progress, TensorBoardLogs):
        for name in ("on_train_batch_end", "on_batch_end"):
            assert getattr(callback, name) is getattr(keras.callbacks.Callback, name)


def test_time_besides_the_steps_counts_for_the_epochs_to_come():
    from keras_senet.training.pace import Pace

    pace = Pace(cold=True)
    clock = time.time()
    pace.begin(0, None)
    time.sleep(0.2)
    for step in range(1, 5):
        pace.begin(step, clock)
        time.sleep(0.05)
    pace.end(5)
    assert pace.seconds_per_step == pytest.approx(0.05, abs=0.03)
    assert pace.cold_seconds == pytest.approx(0.2, abs=0.03)
    assert pace.besides(5) < 0.1
    time.sleep(0.3)
    assert pace.besides(5) == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize(
    ("offsets", "share"),
    [((-5.0, -5.0), 0), ((9.0, 9.0), 1), ((None, 9.0), None)],
)
def test_clocks_that_were_set_leave_the_share_a_share(offsets, share):
    from keras_senet.training.pace import Pace

    pace = Pace(cold=False)
    pace.begin(0, None)
    for step, offset in enumerate(offsets, start=1):
        clock = time.time()
        time.sleep(0.01)
        pace.begin(step, None if offset is None else clock + offset)
    assert pace.input_share == (share and pytest.approx(share))


def test_clock_reads_as_people_write_it():
    from keras_senet.training.progress import _clock

    assert [_clock(x) for x in (None, 7.4, 61, 7325)] == [
        "-",
        "0:07",
        "1:01",
        "2:02:05",
    ]
