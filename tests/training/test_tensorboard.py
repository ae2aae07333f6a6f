import keras
import numpy as np
import pytest

import keras_senet

pytestmark = pytest.mark.usefixtures("only_tensorflow")
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3)).astype("uint8")
LABELS = np.arange(10) % 2


@pytest.fixture
def event_files():
    """Reads a folder of event files with TensorBoard's own reader."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )

    def read(folder):
        events = accumulator.EventAccumulator(
            str(folder), size_guidance={accumulator.TENSORS: 0}
        )
        events.Reload()
        return events

    return read


def compiled(reduction=2):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    if reduction:
        x = keras_senet.SqueezeExcite(reduction, name="se")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.5, 0.25])
    loss = "sparse_categorical_crossentropy"
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, loss, weighted_metrics=["accuracy"], jit_compile=False)
    return model


def fit(model, callbacks, first=0, last=2):
    return model.fit(
        IMAGES,
        LABELS,
        validation_data=(IMAGES, LABELS),
        initial_epoch=first,
        epochs=last,
        verbose=0,
        callbacks=callbacks,
    ).history


def scalars(events, tag):
    from tensorflow import make_ndarray

    found = events.Tensors(tag)
    return [(x.step, make_ndarray(x.tensor_proto).item()) for x in found]


def test_event_files_hold_the_logs(tmp_path, event_files):
    from keras_senet.training.tensorboard import TensorBoardLogs

    class Speed(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            logs.update(images_per_second=100.0 * epoch, input_share=None)

    model = compiled()
    history = fit(model, [Speed(), TensorBoardLogs(tmp_path, IMAGES)])
    train, validation = (
        event_files(tmp_path / "train"),
        event_files(tmp_path / "validation"),
    )
    for events, prefix in ((train, ""), (validation, "val_")):
        for metric in ("loss", "accuracy"):
            logged = enumerate(history[prefix + metric], start=1)
            expected = [(step, np.float32(value)) for step, value in logged]
            assert scalars(events, metric) == expected
    assert scalars(train, "learning_rate") == [(1, 0.25), (2, 0.25)]
    assert scalars(train, "images_per_second") == [(1, 0.0), (2, 100.0)]
    assert "input_share" not in train.Tags()["tensors"]
    (memory,) = (x for x in train.Tags()["tensors"] if x.startswith("peak_memory/"))
    assert scalars(train, memory)[-1][1] > 2**20
    assert set(validation.Tags()["tensors"]) == {"loss", "accuracy"}


def test_event_files_hold_images_and_gates(tmp_path, event_files):
    import tensorflow as tf

    from keras_senet.training.tensorboard import TensorBoardLogs

    model = compiled()
    fit(model, [TensorBoardLogs(tmp_path, IMAGES)])
    events = event_files(tmp_path / "train")
    (event,) = events.Tensors("images")
    assert event.step == 0
    width, height, encoded = tf.make_ndarray(event.tensor_proto)
    assert (int(width), int(height)) == (64, 16)
    drawn = tf.io.decode_png(encoded).numpy()
    np.testing.assert_array_equal(drawn[:8, 8:16], IMAGES[1])
    np.testing.assert_array_equal(drawn[8:, 8:16], IMAGES[9])
    assert not drawn[8:, 16:].any()
    histograms = events.Tensors("gates/se")
    assert [x.step for x in histograms] == [1, 2]
    # Rows of left edge, right edge and count.
    buckets = tf.make_ndarray(histograms[-1].tensor_proto)
    values = keras.ops.convert_to_numpy(keras_senet.gates(model)(IMAGES)["se"])
    assert buckets[:, 2].sum() == values.size
    assert buckets[0, 0] == pytest.approx(values.min())
    assert buckets[-1, 1] == pytest.approx(values.max())


def test_a_resumed_run_goes_on_in_the_same_folder(tmp_path, event_files):
    from keras_senet.training.tensorboard import TensorBoardLogs

    model = compiled(reduction=None)
    watch = TensorBoardLogs(tmp_path, IMAGES)
    fit(model, [watch], last=1)
    fit(model, [watch], first=1, last=2)
    fit(model, [TensorBoardLogs(tmp_path, IMAGES)], first=2, last=3)
    events = event_files(tmp_path / "train")
    assert [step for step, _ in scalars(events, "loss")] == [1, 2, 3]
    assert [x.step for x in events.Tensors("images")] == [0, 2]
    assert not any(tag.startswith("gates") for tag in events.Tags()["tensors"])
