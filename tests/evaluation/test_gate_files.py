import csv

import numpy as np
import pytest
from gate_networks import as_images, transparent

from keras_senet.errors import InputError
from keras_senet.evaluation.excitation import measure_gates
from keras_senet.evaluation.gate_files import (
    read_gates_npz,
    write_gates_csv,
    write_gates_npz,
)

NAMES = ("köter, groß", "none", "n01443537")


@pytest.fixture
def measured():
    gates = np.random.default_rng(0).uniform(size=(5, 3))
    batch = (as_images(gates), np.array([0, 2, 2, 0, 0]), np.ones(5))
    return measure_gates(transparent(), [batch], NAMES, near_zero=0.1)


def test_npz_returns_the_same_bits(measured, tmp_path):
    write_gates_npz(measured, tmp_path / "gates.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["gates.npz"]
    again = read_gates_npz(tmp_path / "gates.npz")
    assert again.class_names == NAMES
    assert (again.near_zero, again.near_one) == (0.1, 0.95)
    np.testing.assert_array_equal(again.images, [3, 0, 2])
    assert list(again.blocks) == list(measured.blocks)
    for name, block in measured.blocks.items():
        other = again.blocks[name]
        for array in ("mean", "deviation", "lowest", "highest", "images"):
            ours, theirs = getattr(block, array), getattr(other, array)
            assert ours.dtype == theirs.dtype
            assert ours.tobytes() == theirs.tobytes()
        assert (other.near_zero, other.near_one) == (block.near_zero, block.near_one)
    # NaN is unequal to itself, so by the text of it.
    assert str(again.summary()) == str(measured.summary())


def test_csv_returns_the_same_bits(measured, tmp_path):
    write_gates_csv(measured, tmp_path / "gates.csv")
    with (tmp_path / "gates.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3
    (block,) = measured.blocks.values()
    for row in rows:
        place = NAMES.index(row["class"]), int(row["channel"])
        assert row["block"] == "stage2_block1_se"
        assert int(row["images"]) == measured.images[place[0]]
        assert float(row["mean"]) == block.mean[place]
        assert float(row["deviation"]) == block.deviation[place]
    assert {row["class"] for row in rows} == {NAMES[0], NAMES[2]}


def test_refuses_other_files(tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, images=np.zeros(3))
    for content in (other.read_bytes(), b"", b"no archive", b"PK\x03\x04 cut off"):
        other.write_bytes(content)
        with pytest.raises(InputError, match="not a file of measured gates"):
            read_gates_npz(other)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(InputError, match="not a file of measured gates"):
        read_gates_npz(tmp_path / "array.npy")
    with pytest.raises(FileNotFoundError):
        read_gates_npz(tmp_path / "missing.npz")
