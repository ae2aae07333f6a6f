import os
import sys

import keras
import numpy as np
import pytest
from lite_runs import over

from keras_senet.errors import InputError
from keras_senet.export.description import Description
from keras_senet.export.lite_silence import silence
from keras_senet.export.lite_writing import write_lite

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
DESCRIPTION = Description(
    name="Small", shape=(16, 16, 3), pixels="Standardized", output="logits"
)
IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")


def small():
    return over(keras.layers.Conv2D(2, 1), (16, 16, 3))


@pytest.mark.parametrize("function", ["Erfinv", "MatrixInverse"])
def test_names_the_operation_that_is_not_built_in(function, tmp_path, capfd):
    import tensorflow as tf

    apply = {"Erfinv": tf.math.erfinv, "MatrixInverse": tf.linalg.inv}[function]
    model = over(keras.layers.Lambda(apply), (4, 4, 4))
    with pytest.raises(InputError) as error:
        write_lite(model, tmp_path / "bad.tflite", DESCRIPTION)
    assert str(error.value) == (
        "The model cannot be a TFLite file: LiteRT has no built-in operation for "
        f"{function}."
    )
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "int4"}, "`precision` should be one of"),
        ({"precision": "int8"}, "`representative` should be images"),
        ({"integer_io": True}, "`integer_io` should be False unless"),
        ({"precision": "int8", "representative": []}, "none at all"),
        (
            {"precision": "int8", "representative": [IMAGES, IMAGES[..., :2]]},
            r"of shape \(16, 16, 3\). Received: a batch of shape \(2, 16, 16, 2\)",
        ),
        ({"precision": "int8", "representative": IMAGES[0]}, r"shape \(16, 16, 3\)$"),
        ({"precision": "int8", "representative": IMAGES * np.nan}, "finite"),
    ],
)
def test_arguments_that_are_of_no_use(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write_lite(small(), tmp_path / "x.tflite", DESCRIPTION, **arguments)
    assert not list(tmp_path.iterdir())


def test_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(InputError, match=r'pip install "keras_senet\[tflite\]"'):
        write_lite(small(), tmp_path / "x.tflite", DESCRIPTION)


def test_silence_ends(capfd):
    with pytest.raises(ValueError, match="on"), silence():
        os.write(2, b"from C++")
        raise ValueError("on")
    os.write(2, b"again")
    assert capfd.readouterr().err == "again"
