import json
from dataclasses import replace

import keras
import pytest

from keras_senet.errors import InputError

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    from keras_senet.export import card, exporting
    from keras_senet.export.bundle import Wanted, places
    from keras_senet.export.description import Description

    TOLD = Description(
        name="it",
        shape=(8, 8, 3),
        pixels="RGB",
        output="probabilities",
        class_names=("ü", "b"),
    )


def test_places(tmp_path):
    formats = ("saved_model", "tflite", "onnx")
    (tmp_path / "saved_model" / "3").mkdir(parents=True)
    wanted = Wanted(formats=formats, precisions=("float32", "int8", "dynamic"))
    found = {str(path.relative_to(tmp_path)) for *_, path in places(tmp_path, wanted)}
    assert found == {
        "saved_model/4",
        "model.tflite",
        "model-int8.tflite",
        "model-dynamic.tflite",
        "model.onnx",
        "model-int8.onnx",
    }
    with pytest.raises(InputError, match="SavedModel is written in float32"):
        places(tmp_path, Wanted(formats=formats, precisions=("int8",)))


def test_files_that_exist_are_kept_unless_told_otherwise(tmp_path):
    (tmp_path / "model.onnx").write_text("x")
    with pytest.raises(InputError, match="exists already"):
        places(tmp_path, Wanted(formats=("onnx",)))
    assert places(tmp_path, Wanted(formats=("onnx",), overwrite=True))


def test_missing_packages_are_named_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(
        exporting.importlib.util,
        "find_spec",
        lambda name: None if name == "onnxruntime" else name,
    )
    with pytest.raises(InputError, match=r"onnxruntime: pip install .*\[onnx\]"):
        places(tmp_path, Wanted(formats=("onnx",)))


def test_files_of_two_models_do_not_share_labels(tmp_path):
    card.write_beside(tmp_path, TOLD, [], {})
    assert (tmp_path / "labels.txt").read_bytes() == "ü\nb\n".encode()
    assert json.loads((tmp_path / "report.json").read_bytes())["files"] == {}
    card.check_same_model(tmp_path, TOLD)
    for other in (replace(TOLD, name="x"), replace(TOLD, class_names=("c", "d"))):
        with pytest.raises(InputError, match="files of another model, it"):
            card.check_same_model(tmp_path, other)


def test_a_full_disk_is_said_in_words(tmp_path):
    import tensorflow as tf

    for error in (OSError(28, "No space left on device"), OSError("No space left")):
        with (
            pytest.raises(InputError, match=r"a\.onnx could not be written: No space"),
            exporting._in_words(tmp_path / "a.onnx"),
        ):
            raise error
    with pytest.raises(InputError, match="File too large"), exporting._in_words("a"):
        raise tf.errors.OutOfRangeError(None, None, "File too large")
