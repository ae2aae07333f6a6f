"""Files of Caffe, with layers of the old kind and of the new."""

import numpy as np
import pytest
from caffe_format import blob, chunk, layer, network, number, old_layer

from keras_senet.weights.readers import read_tensors

KERNEL = np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype("float32")
BIAS = np.arange(4, dtype="float32")
CONVOLUTION = 4


def read(path, content):
    path.write_bytes(content)
    return read_tensors(path)


@pytest.mark.parametrize("ending", ["caffemodel", "bin"])
def test_layers_of_the_new_kind(tmp_path, ending):
    scalar = np.array([999], "float32")
    content = network(
        layer("data", "Input"),
        layer("conv1", "Convolution", blob(KERNEL), blob(BIAS)),
        layer("conv1/bn", "BatchNorm", blob(BIAS), blob(BIAS + 1), blob(scalar)),
        layer("relu", "ReLU"),
        name="SE-BN-Inception",
    )
    file = read(tmp_path / f"x.{ending}", content)
    expected = {
        "conv1.0": KERNEL,
        "conv1.1": BIAS,
        "conv1/bn.0": BIAS,
        "conv1/bn.1": BIAS + 1,
        "conv1/bn.2": scalar,
    }
    assert (file.format, list(file.tensors)) == ("caffemodel", list(expected))
    assert file.facts == {
        "name": "SE-BN-Inception",
        "types": {
            "data": "Input",
            "conv1": "Convolution",
            "conv1/bn": "BatchNorm",
            "relu": "ReLU",
        },
    }
    for name, array in expected.items():
        stored = file.tensors[name]
        assert (stored.shape, stored.dtype) == (array.shape, "float32")
        np.testing.assert_array_equal(stored.read(), array)


def test_layers_of_the_old_kind(tmp_path):
    content = network(
        old_layer(
            "conv", CONVOLUTION, blob(KERNEL, legacy=True), blob(BIAS, legacy=True)
        )
    )
    file = read(tmp_path / "x.bin", content)
    assert file.facts["types"] == {"conv": CONVOLUTION}
    np.testing.assert_array_equal(file.tensors["conv.0"].read(), KERNEL)
    # Caffe had four axes always.
    np.testing.assert_array_equal(file.tensors["conv.1"].read(), BIAS[None, None, None])


def test_double_precision(tmp_path):
    numbers = np.array([1 / 3, 2.0])
    file = read(
        tmp_path / "x.caffemodel", network(layer("a", "Scale", blob(numbers, 0, 1, 1)))
    )
    assert file.tensors["a.0"].dtype == "float64"
    np.testing.assert_array_equal(file.tensors["a.0"].read(), numbers)


def test_other_fields_are_passed_over(tmp_path):
    # A difference (6), a phase (10) of the layer, and the network's input (3).
    content = blob(BIAS) + chunk(6, BIAS.tobytes())
    whole = network(
        layer("data", "Data") + layer("data", "Data"),
        chunk(100, chunk(1, b"a") + chunk(7, content) + number(10, 1)),
        chunk(3, b"data"),
    )
    file = read(tmp_path / "x.caffemodel", whole)
    np.testing.assert_array_equal(file.tensors["a.0"].read(), BIAS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (network(layer("a", "X", blob(BIAS)) * 2), "two layers a with weights"),
        (network(layer("a", "X", blob(BIAS, packed=False))), "not packed"),
        (network(layer("a", "X", blob(BIAS, 1, 0))), "not packed"),
        (network(layer("a", "X", blob(BIAS) + blob(BIAS[:3]))), "of shape"),
        (network(layer("a", "X", chunk(5, BIAS.tobytes()))), "of shape"),
        (network(layer("a", "X", number(1, -4) + blob(BIAS))), "of shape"),
        (network(layer("a", "X", chunk(7, chunk(1, b"\1" * 40)))), "40 axes"),
        (network(layer("a", "X")), "no tensors"),
        (network(chunk(100, chunk(1, b"\xff"))), "no text"),
        (network(layer("a", "X", blob(BIAS)))[:-3], "no whole file of Caffe"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, message):
    with pytest.raises(ValueError, match=rf"x\.caffemodel cannot .*{message}"):
        read(tmp_path / "x.caffemodel", content)
