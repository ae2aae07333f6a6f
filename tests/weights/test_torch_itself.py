"""What torch writes is read bit for bit."""

import os

import numpy as np
import pytest

from keras_senet.weights.readers import read_tensors

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def torch():
    if os.environ.get("KERAS_SENET_REQUIRE_TIMM") == "1":
        import torch

        return torch
    return pytest.importorskip("torch")


@pytest.fixture(params=["zip", "legacy"])
def save(request, torch, tmp_path):
    def write(content, **options):
        path = tmp_path / "saved"
        new = request.param == "zip"
        torch.save(content, path, _use_new_zipfile_serialization=new, **options)
        return read_tensors(path)

    return write


def same(torch, stored, tensor):
    found = stored.read()
    assert tuple(tensor.shape) == stored.shape == found.shape
    assert str(tensor.dtype) == f"torch.{stored.dtype}" == f"torch.{found.dtype}"
    flat = tensor.detach().contiguous().reshape(-1)
    assert flat.view(torch.uint8).numpy().tobytes() == found.tobytes()


def test_dtypes(torch, save):
    values = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0)) * 9
    names = (
        "float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64"
    )
    state = {name: values.to(getattr(torch, name)) for name in names.split()}
    state["scalar"] = torch.tensor(2**40)
    state["none"] = torch.zeros(0, 3)
    found = save(state).tensors
    assert list(found) == list(state)
    for name, tensor in state.items():
        if tensor.numel():
            same(torch, found[name], tensor)
    assert found["none"].read().shape == (0, 3)


def test_views_and_shared_storages(torch, save):
    base = torch.arange(120.0).reshape(2, 3, 4, 5)
    state = {
        "base": base,
        "transposed": base.permute(3, 1, 0, 2),
        "part": base[1, :, 1:3],
        "strided": base[:, ::2, :, 1::2],
        "channels_last": base.contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(base[0]),
    }
    found = save(state).tensors
    for name, tensor in state.items():
        same(torch, found[name], tensor)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_network(torch, save, protocol):
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Linear(8, 2)
    )
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    network(torch.ones(2, 3, 3, 10))[..., 0].sum().backward()
    optimizer.step()
    content = {
        "epoch": 3,
        "meta": {"classes": ["a", "b"], "size": torch.Size([224, 224])},
        "dtype": torch.float32,
        "state_dict": torch.nn.DataParallel(network).state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    file = save(content, pickle_protocol=protocol)
    assert file.facts == {"meta": {"epoch": 3}}
    expected = network.state_dict()
    assert list(file.tensors) == list(expected)
    for name, tensor in expected.items():
        same(torch, file.tensors[name], tensor)


def test_a_whole_module_is_refused_by_name(torch, save):
    with pytest.raises(ValueError, match=r"asks for `torch\.nn\.modules\.linear\.Lin"):
        save(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="conjugated or negated"):
        save({"a": torch.ones(2, dtype=torch.complex64).conj()})
    with pytest.raises(ValueError, match="larger than its storage"):
        save({"a": torch.ones(1).expand(1000)})


def test_without_checksums(torch, save):
    torch.serialization.set_crc32_options(False)
    try:
        found = save({"a": torch.arange(5.0)}).tensors
    finally:
        torch.serialization.set_crc32_options(True)
    np.testing.assert_array_equal(found["a"].read(), np.arange(5))
