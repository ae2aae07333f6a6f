"""One photograph, the same answer by every way that there is."""

import json

import keras
import numpy as np
import pytest
from pictures import encoded, photograph
from seeded import seed_weights

import keras_senet
from keras_senet import cli

pytestmark = [
    pytest.mark.slow,
    pytest.mark.export,
    pytest.mark.usefixtures("only_tensorflow"),
]
SIDE, NAMES = 64, ("cat", "dog", "emu", "fox", "gnu")


@pytest.fixture(scope="module")
def model():
    images = keras.Input((SIDE, SIDE, 3))
    x = keras_senet.preprocessing.normalization_layer()(images)
    # Grouped convolutions, a padded first one, dropout: what others export wrongly.
    model = keras_senet.SEResNeXt26(
        weights=None, input_tensor=x, classes=len(NAMES), dropout=0.3
    )
    seed_weights(model)
    model.get_layer("predictions").class_names = NAMES
    return model


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in NAMES[:2]:
        (folder / name).mkdir()
        (folder / name / "photo.jpg").write_bytes(encoded(photograph(131, 99)))
    return folder


@pytest.fixture(scope="module")
def expected(model, photo):
    """By the pipeline that evaluates, and the Keras model."""
    from keras_senet.data.indexed import Indexed
    from keras_senet.data.pipeline import evaluation_batches

    file = str(photo / NAMES[0] / "photo.jpg")
    images = Indexed(names=[file], labels=np.zeros(1, "int64"))
    ((pixels, _, _),) = evaluation_batches(images, size=SIDE, batch_size=1)
    return model.predict_on_batch(pixels.numpy().astype("float32"))[0]


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """Every format, by the command line, from a `.keras` file."""
    folder = tmp_path_factory.mktemp("exported")
    model.save(folder / "model.keras")
    formats = ["saved_model", "tflite", "onnx"]
    command = ["export", str(folder / "model.keras"), "--format", *formats]
    assert cli.main([*command, "--out", str(folder / "out")]) == 0
    command += ["--uint8", "--out", str(folder / "uint8")]
    assert cli.main(command) == 0
    return folder


@pytest.mark.parametrize(
    "file",
    [
        "model.keras",
        "out/saved_model",
        "out/model.tflite",
        "out/model.onnx",
        "uint8/saved_model/1",
        "uint8/model.tflite",
        "uint8/model.onnx",
    ],
)
def test_predict(file, exported, photo, expected, capsys):
    photos = [str(photo / name / "photo.jpg") for name in NAMES[:2]]
    command = ["predict", str(exported / file), *photos, "--json", "--top", "9"]
    assert cli.main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert [x["image"] for x in told] == photos
    for one in told:
        assert [x["index"] for x in one["classes"]] == list(np.argsort(-expected))
        found = {x["name"]: x["probability"] for x in one["classes"]}
        np.testing.assert_allclose([found[x] for x in NAMES], expected, atol=2e-6)


@pytest.mark.parametrize("folder", ["out", "uint8"])
def test_bytes(folder, exported, photo, expected):
    import tensorflow as tf

    served = tf.saved_model.load(str(exported / folder / "saved_model" / "1"))
    content = (photo / NAMES[0] / "photo.jpg").read_bytes()
    answers = served.signatures["serve_bytes"](tf.constant([content, b"broken"]))
    order = np.argsort(-expected)
    assert answers["classes"][0].numpy().tolist() == [NAMES[i].encode() for i in order]
    np.testing.assert_allclose(
        answers["probabilities"][0].numpy(), expected[order], atol=2e-6
    )
    assert answers["error"][0] == b""
    assert answers["error"][1] != b""


def test_report_and_card_tell_what_was_found(exported):
    told = json.loads((exported / "out" / "report.json").read_text())
    assert told["description"]["class_names"] == list(NAMES)
    files = told["files"]
    assert set(files) == {"saved_model/1", "model.tflite", "model.onnx"}
    card = (exported / "out" / "README.md").read_text()
    for name, report in files.items():
        path = exported / "out" / name
        size = sum(x.stat().st_size for x in [path, *path.rglob("*")] if x.is_file())
        assert report["bytes"] == size
        assert f"| {name} | float32 | {size:,} |" in card
        assert report["relative_difference"] <= 1e-4
        before, after = report["keras_operations"]
        assert after < before
    assert files["model.onnx"]["operations"]["Conv"] == 29 + 2 * 8
    assert files["model.tflite"]["operations"]["CONV_2D"] == 29 + 2 * 8
    labels = (exported / "out" / "labels.txt").read_text()
    assert labels.split() == list(NAMES)


def test_what_is_there_stays(exported, capsys):
    before = (exported / "out" / "model.onnx").read_bytes()
    command = ["export", str(exported / "model.keras"), "--format", "onnx"]
    assert cli.main([*command, "--out", str(exported / "out")]) == 2
    assert "model.onnx exists already" in capsys.readouterr().err
    assert (exported / "out" / "model.onnx").read_bytes() == before
    assert cli.main([*command, "--out", str(exported / "model.keras" / "x")]) == 2
    assert "is a file, so" in capsys.readouterr().err


def test_what_is_too_far_off_is_no_file(exported, tmp_path, capsys):
    command = ["export", str(exported / "model.keras"), "--out", str(tmp_path / "out")]
    limit = ["--format", "tflite", "onnx", "--tolerance", "1e-12"]
    assert cli.main([*command, *limit]) == 2
    error = capsys.readouterr().err
    assert error.count("more than 1e-12. Nothing was written.") == 2
    assert [x for x in tmp_path.rglob("*") if x.is_file()] == []
