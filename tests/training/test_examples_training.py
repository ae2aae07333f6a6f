"""What the training examples claim of themselves, beside that they run."""

import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.data.folder import folder
from keras_senet.training.optimizers import PenalizedSGD

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
EXAMPLES = Path(__file__).parents[2] / "examples"


def changed(model, before):
    """Which weights are no longer as they were, by layer."""
    return {
        weight.path.split("/")[-2]
        for weight, old in zip(model.weights, before, strict=True)
        if not np.array_equal(weight.numpy(), old)
    }


def test_fine_tuning_leaves_alone_what_is_frozen(tmp_path):
    program = runpy.run_path(str(EXAMPLES / "finetune_folder.py"))
    program["write_pictures"](tmp_path)
    source = folder(tmp_path)
    trunk = keras_senet.SEResNet18(
        weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
    )
    model = program["with_head"](trunk, 32, source.class_names)
    assert model.get_layer("predictions").class_names == ("blue", "red")
    before = model.get_weights()
    program["train_from"](trunk, program["BEHIND_ALL_STAGES"])
    program["fit"](model, source, 0.01, range(1))
    assert changed(model, before) == {"predictions"}
    before = model.get_weights()
    program["train_from"](trunk, stage=4)
    program["fit"](model, source, 0.001, range(1, 2))
    layers = changed(model, before)
    # Those of batch normalization, too, with its statistics.
    assert {"predictions", "stage4_block1_bn1", "stage5_block2_conv2"} <= layers
    assert {name[:6] for name in layers} == {"predic", "stage4", "stage5"}


def test_imagenet_is_trained_as_the_paper_says(tmp_path, monkeypatch):
    program = runpy.run_path(str(EXAMPLES / "train_imagenet.py"))
    program["write_pictures"](tmp_path)
    rates = []

    def fit(self, batches, epochs, callbacks, **_):
        """The rates of all epochs, without their steps."""
        rates.extend(callbacks[0].schedule(epoch) for epoch in range(epochs))
        self.optimizer.build(self.trainable_variables)
        self.save(callbacks[1].filepath)

    monkeypatch.setattr(keras.Model, "fit", fit)
    out = tmp_path / "out.keras"
    program["train"](str(tmp_path), 32, 100, 4, str(out))
    full = 0.6 * 4 / 1024
    expected = [full] * 30 + [full / 10] * 30 + [full / 100] * 30 + [full / 1000] * 10
    np.testing.assert_allclose(rates, expected, rtol=1e-6)
    saved = keras.models.load_model(out)
    assert isinstance(saved.optimizer, PenalizedSGD)
    assert (saved.optimizer.momentum, saved.optimizer.decay) == (0.9, 1e-4)
    assert not saved.optimizer.nesterov
    assert saved.get_layer("predictions").class_names == ("class0", "class1", "class2")
    # The mean pixel of ImageNet becomes zero, and only the mean is taken off.
    normalize = saved.get_layer("normalization")
    pixels = np.array([[[[0.485, 0.456, 0.406]]]], "float32") * 255
    np.testing.assert_allclose(normalize(pixels), 0, atol=1e-3)
    np.testing.assert_allclose(normalize(pixels + 7), 7, atol=1e-3)
