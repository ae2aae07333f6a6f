"""Files of torch, written here without it."""

import collections
import io
import zipfile

import ml_dtypes
import numpy as np
import pytest
from torch_format import (
    WRITERS,
    Parameter,
    Storage,
    Tensor,
    tensor,
    write_legacy,
    write_zip,
)

from keras_senet.weights.readers import read_tensors

ARRAYS = {
    "conv.weight": np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype("f4"),
    "half": np.array([1.5, -0.0, np.inf], "float16"),
    "brain": np.array([[1, -2.5]], ml_dtypes.bfloat16),
    "bn.num_batches_tracked": np.array(2**40, "int64"),
    "mask": np.array([True, False]),
    "none": np.zeros((0, 3), "float32"),
}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def state_dict(**arrays):
    named = enumerate(arrays.items())
    return collections.OrderedDict(
        (name, tensor(array, str(index))) for index, (name, array) in named
    )


def test_tensors_are_read_bit_for_bit(tmp_path, write):
    # The ending says nothing.
    file = read_tensors(write(tmp_path / "weights.caffemodel", state_dict(**ARRAYS)))
    assert (file.format, list(file.tensors)) == ("pth", list(ARRAYS))
    for name, expected in ARRAYS.items():
        stored = file.tensors[name]
        assert stored.shape == expected.shape
        assert stored.dtype == expected.dtype.name
        for _ in range(2):
            found = stored.read()
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
            assert found.tobytes() == expected.tobytes()


def test_views_share_a_storage(tmp_path, write):
    numbers = np.arange(24, dtype="float32")
    storage = Storage(numbers, "0")
    content = {
        "transposed": Tensor(storage, (4, 6), (1, 4)),
        "column": Tensor(storage, (4,), (6,), offset=5),
        "old": Tensor(storage, (2, 3), (3, 1), offset=18, rebuild="v1"),
        "parameter": Parameter(Tensor(storage, (24,))),
        "channels_last": Tensor(storage, (1, 3, 2, 4), (24, 1, 12, 3)),
    }
    found = read_tensors(write(tmp_path / "x.pth", content)).tensors
    by_hand = {
        "transposed": numbers.reshape(6, 4).T,
        "column": numbers.reshape(4, 6)[:, 5],
        "old": numbers[18:].reshape(2, 3),
        "parameter": numbers,
        "channels_last": numbers.reshape(1, 2, 4, 3).transpose(0, 3, 1, 2),
    }
    for name, expected in by_hand.items():
        np.testing.assert_array_equal(found[name].read(), expected)


def test_any_pickle_protocol(tmp_path):
    path = write_legacy(tmp_path / "x.pth", state_dict(**ARRAYS), protocol=4)
    assert list(read_tensors(path).tensors) == list(ARRAYS)


def test_a_pickle_of_python_2(tmp_path):
    # Its ordered dictionary is made from a list of lists; its strings are bytes.
    reference = (
        b"((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02NtQ"
        b"K\x00K\x02\x85K\x01\x85tR"
    )
    data = (
        b"\x80\x02ccollections\nOrderedDict\n]](U\x04biasctorch._utils\n"
        b"_rebuild_tensor\n" + reference + b"ea\x85R."
    )
    path = write_legacy(tmp_path / "x.pkl", data)
    # The list of storages of the writer is empty.
    content = path.read_bytes().removesuffix(b"\x80\x02]q\x00.")
    numbers = np.array([1, 2], "float32")
    rows = b"\x80\x02]U\x010a." + (2).to_bytes(8, "little") + numbers.tobytes()
    path.write_bytes(content + rows)
    np.testing.assert_array_equal(read_tensors(path).tensors["bias"].read(), numbers)


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state"])
def test_a_state_dict_within_a_checkpoint(tmp_path, write, key):
    state = state_dict(**{"module.a": np.ones(2, "f4"), "module.b": np.ones(3, "f4")})
    content = {
        "epoch": 90,
        "arch": "seresnet50",
        key: state,
        "optimizer": {"state": {0: {"momentum": tensor(np.ones(5, "f4"), "9")}}},
    }
    file = read_tensors(write(tmp_path / "x.pth", content))
    assert {name: x.shape for name, x in file.tensors.items()} == {"a": (2,), "b": (3,)}
    assert file.facts == {"meta": {"epoch": 90, "arch": "seresnet50"}}


def test_which_state_dict(tmp_path, write):
    def names(content):
        return list(read_tensors(write(tmp_path / "x.pth", content)).tensors)

    one, two, three = (tensor(np.ones(1, "f4"), key) for key in "012")
    # Not all names begin so.
    assert names({"module.a": one, "b": two}) == ["module.a", "b"]
    assert names({"best_acc1": one, "state_dict": {"b": two}}) == ["b"]
    with pytest.raises(ValueError, match=r"\(state_dict, state_dict_ema\)"):
        names({"state_dict": {"a": one}, "state_dict_ema": {"b": two}})
    assert names({"model": {"a": one}, "state_dict": {"b": two}}) == ["b"]
    with pytest.raises(ValueError, match=r"2 state dicts \(model, state_dict_ema\)"):
        names({"model": {"a": one}, "state_dict_ema": {"b": two}})
    with pytest.raises(ValueError, match="no state dict, but epoch, other"):
        names({"epoch": 1, "other": {"c": three}})
    with pytest.raises(ValueError, match="holds a list, not a state dict"):
        names([one])


def test_modules_versions_are_passed_over(tmp_path, write):
    state = state_dict(a=np.ones(2, "f4"))
    state._metadata = {"": {"version": 1}}
    file = read_tensors(write(tmp_path / "x.pth", state))
    assert list(file.tensors) == ["a"]


def test_big_endian_files_are_refused(tmp_path):
    state = state_dict(a=np.ones(2, "f4"))
    for path in (
        write_zip(tmp_path / "zip.pth", state, order=b"big"),
        write_legacy(tmp_path / "legacy.pth", state, little_endian=False),
    ):
        with pytest.raises(ValueError, match="not little-endian"):
            read_tensors(path)


def test_other_zip_archives_are_refused(tmp_path):
    path = tmp_path / "x.pth"
    state = state_dict(a=np.ones(2, "f4"))
    with pytest.raises(ValueError, match="compressed"):
        read_tensors(write_zip(path, state, compression=zipfile.ZIP_DEFLATED))
    write_zip(path, state)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/constants.pkl", b"")
    with pytest.raises(ValueError, match="TorchScript"):
        read_tensors(path)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("readme", b"")
    path.write_bytes(memory.getvalue())
    with pytest.raises(ValueError, match="0 pickles"):
        read_tensors(path)


def test_a_flipped_number_in_a_zip_archive_is_noticed(tmp_path):
    numbers = np.arange(100, dtype="float32")
    path = write_zip(tmp_path / "x.pth", state_dict(a=numbers))
    content = path.read_bytes()
    at = content.index(numbers.tobytes()) + 200
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    file = read_tensors(path)
    with pytest.raises(ValueError, match=r"x\.pth .* checksum of its storage 0"):
        file.tensors["a"].read()


def test_a_file_that_changes_meanwhile(tmp_path, write):
    path = write(tmp_path / "x.pth", state_dict(a=np.ones(100, "f4")))
    file = read_tensors(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"x\.pth cannot be read"):
        file.tensors["a"].read()
