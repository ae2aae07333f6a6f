"""Files that are cut off or have flipped bits are errors in words, or still files."""

import contextlib

import numpy as np
import pytest
from caffe_format import blob, layer, network, old_layer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from torch_format import Storage, Tensor, tensor, write_legacy, write_zip

from keras_senet.weights.readers import read_tensors

ONES = np.ones((3, 2), "float32")
NEW = layer("a", "X", blob(ONES), blob(ONES[0]))


def content():
    return {
        "state_dict": {
            "module.a": tensor(ONES, "0"),
            "module.b": Tensor(Storage(ONES, "1"), (2, 3), (1, 2)),
        },
        "epoch": 3,
    }


def small(kind, path):
    if kind == "safetensors":
        return save({"a": ONES, "b": ONES[0]}, metadata={"format": "pt"})
    if kind == "caffemodel":
        old = old_layer("b", 4, blob(ONES, legacy=True))
        return network(NEW, old)
    write = write_zip if kind == "zip" else write_legacy
    return write(path, content()).read_bytes()


def read_all(path):
    """Reads all tensors, if that is possible, and lets nothing but ValueError out."""
    with contextlib.suppress(ValueError):
        for stored in read_tensors(path).tensors.values():
            assert stored.read().shape == stored.shape


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "caffemodel"])
def test_every_truncation_and_random_flips(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    whole = small(kind, path)

    @settings(
        max_examples=150,
        deadline=2000,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        cut=st.integers(0, len(whole)),
        flips=st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 7))),
        insert=st.tuples(st.integers(0, len(whole)), st.binary(max_size=9)),
    )
    @example(cut=len(whole), flips=[], insert=(0, b""))
    def damage(cut, flips, insert):
        damaged = bytearray(whole)
        for at, bit in flips:
            damaged[at] ^= 1 << bit
        damaged[insert[0] : insert[0]] = insert[1]
        path.write_bytes(damaged[:cut])
        read_all(path)

    damage()
    path.write_bytes(whole)
    assert len(read_tensors(path).tensors) == (3 if kind == "caffemodel" else 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "caffemodel"])
def test_every_truncation_and_every_flip(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    whole = small(kind, path)
    # Between two layers, the rest of a file of Caffe is a file of Caffe.
    between = {len(network(NEW))} if kind == "caffemodel" else set()
    for cut in set(range(len(whole))) - between:
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="cannot be read as weights"):
            read_tensors(path)
    for at in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            read_all(path)
