"""Which format a file has, and what is said of those that are none."""

import gzip
import io
import json
import pickle
import subprocess
import sys
import tarfile

import keras
import ml_dtypes
import numpy as np
import pytest
from caffe_format import blob, layer, network
from safetensors.numpy import save, save_file
from torch_format import tensor, write_zip

from keras_senet.errors import InputError
from keras_senet.weights.readers import read_tensors

ARRAYS = {
    "z.weight": np.random.default_rng(0).normal(size=(2, 3)).astype("float32"),
    "brain": np.array([[1, -2.5]], ml_dtypes.bfloat16),
    "half": np.array([0.5], "float16"),
    "count": np.array(7, "int64"),
    "none": np.zeros((0, 2), "float32"),
    "mask": np.array([True, False]),
}


def test_safetensors(tmp_path):
    path = tmp_path / "weights.pth"
    save_file(ARRAYS, path, metadata={"format": "pt"})
    file = read_tensors(path)
    assert (file.path, file.format, file.facts) == (
        path,
        "safetensors",
        {"format": "pt"},
    )
    # In the file's order, which is by size of dtype.
    assert next(iter(file.tensors)) == "count"
    assert sorted(file.tensors) == sorted(ARRAYS)
    for name, expected in ARRAYS.items():
        stored = file.tensors[name]
        found = stored.read()
        assert stored.shape == found.shape == expected.shape
        assert stored.dtype == found.dtype.name == expected.dtype.name
        assert found.tobytes() == expected.tobytes()


def test_safetensors_of_strange_numbers(tmp_path):
    header = {"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"1234")
    with pytest.raises(ValueError, match="its tensor a is of dtype F8_E4M3"):
        read_tensors(path)


def test_a_file_of_safetensors_that_changes_meanwhile(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(ARRAYS, path)
    file = read_tensors(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"x\.safetensors cannot be read"):
        file.tensors["brain"].read()


def tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return stream.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html>\n<html>Access denied", "text.*<!DOCTYPE html> <html>"),
        (b'{"error": "not found"}', "it is text"),
        (b"\n\n<html>" + b" " * 1000, "it is text"),
        (LFS, "pointer of git-lfs"),
        (gzip.compress(b"weights", mtime=0), "unpack it first"),
        (tar(), "tar archives of the first versions of torch are not read"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "no whole HDF5 file"),
        (pickle.dumps({"a": 1}), "`torch.save` did not write"),
        (bytes(1000), "no file of safetensors"),
        (save({}), "no tensors"),
        (save(ARRAYS)[:-1], "no whole file of safetensors"),
        (save(ARRAYS)[:40], "no whole file of safetensors"),
        (b"PK\x03\x04" + bytes(100), "damaged zip"),
        (b"PK\x05\x06" + bytes(18), "0 pickles"),
    ],
)
@pytest.mark.parametrize("ending", ["pth", "safetensors", "caffemodel"])
def test_what_is_wrong_is_said_in_one_line(tmp_path, content, message, ending):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    if ending == "caffemodel" and message in ("no file of safetensors",):
        message = "Caffe"
    with pytest.raises(InputError, match=message) as caught:
        read_tensors(str(path))
    assert str(caught.value).startswith(f"{path} cannot be read as weights: ")
    assert "\n" not in str(caught.value)


def test_there_is_no_file(tmp_path):
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no weights file"):
            read_tensors(path)


def test_a_keras_model_is_not_for_these_readers(tmp_path):
    path = tmp_path / "x.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(ValueError, match="whole Keras model"):
        read_tensors(path)


@pytest.mark.parametrize("length", [60, 91, 123])
def test_a_name_as_long_as_a_letter_of_text(tmp_path, length):
    # Its length is written as "<", "[" or "{".
    path = tmp_path / "x.bin"
    ones = np.ones(2, "float32")
    content = network(layer("a", "X", blob(ones)), name="n" * length)
    path.write_bytes(content)
    assert read_tensors(path).format == "caffemodel"


@pytest.mark.slow
@pytest.mark.usefixtures("only_tensorflow")
def test_reading_imports_neither_torch_nor_other_formats(tmp_path):
    path = write_zip(tmp_path / "x.pth", {"a": tensor(np.ones(2, "float32"), "0")})
    script = (
        "import sys, keras; before = set(sys.modules)\n"
        "from keras_senet.weights.readers import read_tensors\n"
        f"print(read_tensors({str(path)!r}).tensors['a'].read())\n"
        "print({x.partition('.')[0] for x in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    numbers, imported = done.stdout.splitlines()[-2:]
    assert numbers == "[1. 1.]"
    assert not {"torch", "safetensors", "google", "pickle"} & eval(imported)
