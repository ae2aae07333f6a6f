"""Files of weights there and back, bit for bit."""

import json
import os
import stat

import keras
import numpy as np
import pytest
import small
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from keras_senet.checkpoints.conversion import convert, timm_tensors
from keras_senet.checkpoints.recognition import recognize
from keras_senet.errors import InputError
from keras_senet.models.families import NETWORKS
from keras_senet.models.removal import remove_squeeze_excite


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    small.use(monkeypatch)


def weights(path):
    """All weights of the network in a file, by path."""
    model = recognize(path).build()
    return {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}


@pytest.mark.parametrize(
    ("name", "publisher", "arguments"),
    [
        ("se_resnet50", "timm", {"variant": "pytorch", "classes": 10}),
        ("se_resnext50", "cadene", {"variant": "caffe"}),
        ("senet154", "timm", {"include_top": False}),
        ("se_resnet50", "cadene", {"variant": "caffe", "input_shape": (64, 64, 1)}),
    ],
)
def test_there_and_back(name, publisher, arguments, tmp_path):
    theirs, ours = tmp_path / "theirs.safetensors", tmp_path / "ours.weights.h5"
    back = tmp_path / "folder" / "back.safetensors"
    model = small.build(name, **arguments)
    top = arguments.get("include_top", True)
    state = small.state(name, model, publisher, top=top)
    save_file(state, theirs)
    done = convert(theirs, ours)
    assert done.source.network == name
    assert done.source.publisher == publisher
    assert done.tensors == len(state)
    for path, array in weights(ours).items():
        expected = next(w for w in model.weights if w.path == path)
        np.testing.assert_array_equal(array, expected)
    done = convert(ours, back, to="timm")
    again = load_file(back)
    assert list(again) == sorted(state)
    for key, array in state.items():
        assert again[key].dtype == array.dtype
        np.testing.assert_array_equal(again[key], array)
    legacy = done.timm["model_name"].startswith("legacy")
    assert legacy == (publisher == "cadene")
    assert done.timm["num_classes"] == arguments.get("classes", 1000 if top else 0)
    assert done.timm["in_chans"] == model.input_shape[-1]
    assert os.stat(back).st_mode & stat.S_IRGRP
    with safe_open(back, "numpy") as file:
        assert json.loads(file.metadata()["keras_senet"])["facts"]["network"] == name


def test_what_was_trained_here_knows_its_classes_there_and_back(tmp_path):
    images = keras.Input((64, 64, 3))
    model = NETWORKS["se_resnet50"](
        weights=None, input_tensor=keras.layers.Rescaling(1 / 255)(images), classes=3
    )
    model.get_layer("predictions").class_names = ("ant", "bee", "cat")
    model.save(tmp_path / "best.keras")
    convert(tmp_path / "best.keras", tmp_path / "x.safetensors", to="timm")
    state = load_file(tmp_path / "x.safetensors")
    assert state["fc.weight"].shape == (3, 128)
    again = NETWORKS["se_resnet50"](weights=tmp_path / "x.safetensors", classes=3)
    assert again.get_layer("predictions").class_names == ("ant", "bee", "cat")
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("se_resnet50", {"reduction": 8}, "reduction is 8 instead of 16"),
        ("se_resnet50", {"use_bias": False}, "use_bias is False instead of True"),
        ("se_resnet50", {"squeeze": "max"}, "squeeze is 'max' instead of 'avg'"),
        ("se_resnet50", {"se_placement": "post"}, "placement is 'post'"),
        ("se_resnet50", {"se_stages": (3,)}, r"stages is \(3,\)"),
        ("se_resnet18", {}, "timm has no se_resnet18 in the dialect pytorch"),
        ("se_resnet18", {"variant": "caffe"}, "relu_before is False instead of True"),
    ],
)
def test_functions_that_timm_has_not_are_refused(name, arguments, message, tmp_path):
    model = small.build(name, **arguments)
    with pytest.raises(ValueError, match=message):
        timm_tensors(model)
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match=message):
        convert(tmp_path / "x.weights.h5", tmp_path / "y.safetensors", to="timm")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.weights.h5"]


def test_bad_input(tmp_path):
    path = tmp_path / "x.safetensors"
    out = tmp_path / "out.weights.h5"
    save_file({"conv1.weight": np.zeros((2, 3, 7, 7), "float32")}, path)
    with pytest.raises(ValueError, match="fits no network of this package"):
        convert(path, out)
    with pytest.raises(ValueError, match=r"should end in \.safetensors"):
        convert(path, out, to="timm")
    with pytest.raises(ValueError, match="`to` should be one of"):
        convert(path, out, to="onnx")
    with pytest.raises(FileNotFoundError, match="There is no weights file"):
        convert(tmp_path / "none.pth", out)
    assert not out.exists()


def test_networks_without_some_of_their_blocks_are_others(tmp_path):
    removed = remove_squeeze_excite(small.build("se_resnet18"), "stage3")
    with pytest.raises(InputError, match="timm has no se_resnet18"):
        timm_tensors(removed)
    removed.save(tmp_path / "removed.keras")
    with pytest.raises(InputError, match="fits no network"):
        recognize(tmp_path / "removed.keras")
