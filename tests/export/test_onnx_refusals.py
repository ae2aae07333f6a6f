import sys

import keras
import numpy as np
import pytest
from lite_runs import over

from keras_senet.errors import InputError
from keras_senet.export.description import Description
from keras_senet.export.onnx_writing import write_onnx

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
DESCRIPTION = Description(
    name="Small", shape=(16, 16, 3), pixels="Standardized", output="logits"
)
IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")


def small():
    return over(keras.layers.Conv2D(2, 1), (16, 16, 3))


@pytest.mark.parametrize("function", ["Erfinv", "MatrixInverse"])
def test_names_the_operation_that_onnx_lacks(function, tmp_path, capfd):
    import tensorflow as tf

    apply = {"Erfinv": tf.math.erfinv, "MatrixInverse": tf.linalg.inv}[function]
    model = over(keras.layers.Lambda(apply), (4, 4, 4))
    with pytest.raises(InputError) as error:
        write_onnx(model, tmp_path / "bad.onnx", DESCRIPTION)
    assert str(error.value) == (
        f"The model cannot be an ONNX file: ONNX has no operation for {function}."
    )
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_keras_own_grouped_convolution_is_refused_where_it_stays(tmp_path, capfd):
    model = over(keras.layers.Conv2D(4, 3, groups=2), (16, 16, 4))
    with pytest.raises(InputError, match=r"PartitionedCall\. Take .*GroupedConv2D"):
        write_onnx(model, tmp_path / "bad.onnx", DESCRIPTION)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_writes_nothing_but_the_file(tmp_path, capfd):
    for precision in ("float32", "int8"):
        path = tmp_path / f"{precision}.onnx"
        write_onnx(
            small(), path, DESCRIPTION, precision=precision, representative=IMAGES
        )
    assert capfd.readouterr() == ("", "")
    assert sorted(x.name for x in tmp_path.iterdir()) == ["float32.onnx", "int8.onnx"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "int4"}, "`precision` should be one of"),
        ({"data_format": "NCHW"}, "`data_format` should be one of"),
        ({"opset": 18}, "`opset` should be 13 to 17. Received: opset=18"),
        ({"precision": "int8"}, "`representative` should be images"),
        ({"precision": "int8", "representative": []}, "none at all"),
        (
            {"precision": "int8", "representative": [IMAGES, IMAGES[..., :2]]},
            r"of shape \(16, 16, 3\). Received: a batch of shape \(2, 16, 16, 2\)",
        ),
        ({"precision": "int8", "representative": IMAGES * np.nan}, "finite"),
    ],
)
def test_arguments_that_are_of_no_use(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write_onnx(small(), tmp_path / "x.onnx", DESCRIPTION, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("tf2onnx", {}),
        ("onnxruntime", {"precision": "int8", "representative": IMAGES}),
    ],
)
def test_names_the_extra(missing, arguments, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=r'pip install "keras_senet\[onnx\]"'):
        write_onnx(small(), tmp_path / "x.onnx", DESCRIPTION, **arguments)
