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

from keras_senet.models.families import NETWORKS, SPECS

GOLDENS = Path(__file__).parents[1] / "goldens"
OUTPUTS = json.loads((GOLDENS / "outputs.json").read_text())
FAMILIES = {
    "bottlenecks": ["se_resnet50", "se_resnet101", "se_resnet152", "senet154"],
    "inception": [name for name in NETWORKS if "inception" in name],
    "small": [name for name, spec in SPECS.items() if spec.size == 32],
}
GROUPED = {name for names in FAMILIES.values() for name in names}
FAMILIES["other"] = [name for name in NETWORKS if name not in GROUPED]
# Other depths and widths of networks that are there: CI runs them on TensorFlow alone.
SIBLINGS = {
    "se_resnet34",
    "se_resnet101",
    "se_resnext101",
    "se_resnext101_64x4d",
    "se_resnext101_32x8d",
    "se_resnet32",
    "se_resnet56",
    "se_resnet110",
}
FAMILIES = {
    **{key: [x for x in names if x not in SIBLINGS] for key, names in FAMILIES.items()},
    "siblings": sorted(SIBLINGS),
}

pytestmark = pytest.mark.slow


def test_every_network_has_outputs():
    assert list(OUTPUTS) == list(NETWORKS)


# A family at a time, since a fresh process takes seconds to begin.
@pytest.mark.parametrize(
    "family",
    [
        # Built like others of their families, and the longest of all.
        pytest.param(x, marks=pytest.mark.rare if x == "siblings" else ())
        for x in FAMILIES
    ],
)
def test_outputs_gradients_and_files(family, tmp_path):
    names = FAMILIES[family]
    for name in names:
        check_network(name, tmp_path)
    finished = subprocess.run(
        [sys.executable, "-c", RELOAD, str(tmp_path), *names],
        capture_output=True,
        text=True,
    )
    assert finished.stdout.split() == names, finished.stderr[-2000:]


def check_network(name, folder):
    model = tiny(NETWORKS[name], name)
    x = images(model)
    outputs = model.predict(x, verbose=0)
    # The goldens come from the TensorFlow backend in float64.
    expected = np.array(OUTPUTS[name])
    assert np.abs(outputs - expected).max() / expected.std() < 1e-4, name
    variables = model.trainable_variables
    found = gradients(functools.partial(squared, model, x), variables)
    for variable, gradient in zip(variables, found, strict=True):
        assert gradient is not None, f"{name}: no gradient to {variable.path}"
        largest = np.abs(gradient).max()
        assert 0 < largest < np.inf, f"{name}: {largest} for {variable.path}"
    model.save(folder / f"{name}.keras")
    np.savez(folder / f"{name}.npz", x=x, outputs=outputs)


def squared(model, x):
    return keras.ops.sum(keras.ops.square(model(x)))


RELOAD = """
import pathlib, sys, keras, numpy as np, keras_senet
for name in sys.argv[2:]:
    path = pathlib.Path(sys.argv[1], f"{name}.keras")
    stored = np.load(path.with_suffix(".npz"))
    outputs = keras.models.load_model(path).predict(stored["x"], verbose=0)
    np.testing.assert_allclose(outputs, stored["outputs"], rtol=1e-4, atol=1e-5)
    print(name)
"""
