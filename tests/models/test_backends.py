"""Every network on the backend at hand: the same answers, gradients, round trips."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from gradients import gradients
from seeded import images, tiny

from keras_senet.models.families import NETWORKS

GOLDENS = Path(__file__).parents[1] / "goldens"
OUTPUTS = json.loads((GOLDENS / "outputs.json").read_text())

pytestmark = pytest.mark.slow


def test_every_network_has_outputs():
    assert list(OUTPUTS) == list(NETWORKS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_gradients_and_file(name, folder):
    model = tiny(NETWORKS[name], name)
    x = images(model)
    outputs = keras.ops.convert_to_numpy(model(x))
    # The goldens come from the TensorFlow backend in float64.
    expected = np.array(OUTPUTS[name])
    assert np.abs(outputs - expected).max() / expected.std() < 1e-4
    found = gradients(functools.partial(squared, model, x), model.trainable_variables)
    without = [
        v.path
        for v, gradient in zip(model.trainable_variables, found, strict=True)
        if gradient is None or not np.abs(gradient).max() > 0
    ]
    assert without == []
    assert all(np.isfinite(gradient).all() for gradient in found)
    model.save(folder / f"{name}.keras")
    np.savez(folder / f"{name}.npz", x=x, outputs=outputs)


def squared(model, x):
    return keras.ops.sum(keras.ops.square(model(x)))


RELOAD = """
import pathlib, sys, keras, numpy as np, keras_senet
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    stored = np.load(path.with_suffix(".npz"))
    outputs = keras.ops.convert_to_numpy(keras.models.load_model(path)(stored["x"]))
    np.testing.assert_allclose(outputs, stored["outputs"], rtol=1e-4, atol=1e-5)
    print(path.stem)
"""


def test_reload_in_a_fresh_process(folder):
    saved = sorted(path.stem for path in folder.glob("*.keras"))
    if not saved:
        pytest.skip("needs the files of the tests above")
    finished = subprocess.run(
        [sys.executable, "-c", RELOAD, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert finished.stdout.split() == saved
