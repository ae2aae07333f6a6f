"""Pickles that want more than tensors: nothing of them is executed."""

import builtins
import collections
import io
import os
import pickle
import subprocess

import numpy as np
import pytest
from torch_format import WRITERS, Storage, Tensor, tensor, write_zip

from keras_senet.weights.readers import read_tensors
from keras_senet.weights.unpickling import unpickle

CALLED = []


def sentinel(*arguments):
    CALLED.append(arguments)


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def name(module, attribute):
    """A pickle that loads a global and calls it with a string."""
    return f"\x80\x02c{module}\n{attribute}\nX\x01\0\0\0x\x85R.".encode("latin-1")


def stacked(module, attribute):
    parts = b"".join(
        b"\x8c" + bytes([len(x)]) + x.encode() for x in (module, attribute)
    )
    return b"\x80\x04" + parts + b"\x93\x8c\x01x\x85R."


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def refused(path, message):
    CALLED.clear()
    with pytest.raises(ValueError, match=message) as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)
    assert not CALLED


def test_the_sentinel_works():
    CALLED.clear()
    pickle.loads(pickle.dumps(Calls(sentinel, 1)))
    assert CALLED == [(1,)]


def test_a_function_is_not_called(tmp_path, write):
    content = {"a": Calls(sentinel, 1), "b": tensor(np.ones(2, "f4"), "0")}
    refused(
        write(tmp_path / "x.pth", content), r"asks for `test_refused_pickles\.sentinel`"
    )


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, builtins.eval, subprocess.Popen])
def test_commands_are_not_run(tmp_path, write, function, protocol):
    proof = tmp_path / "proof"
    command = (
        f"open({str(proof)!r}, 'w')" if function is eval else f"touch {proof} || true"
    )
    data = pickle.dumps({"a": Calls(function, command)}, protocol)
    refused(write(tmp_path / "x.pth", data), "it is refused|opcode")
    assert not proof.exists()


@pytest.mark.parametrize("make", [name, stacked])
@pytest.mark.parametrize(
    ("module", "attribute"),
    [
        ("posix", "system"),
        ("nt", "system"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("__builtin__", "eval"),
        ("importlib", "import_module"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "OrderedDict.__class__"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("collections", "namedtuple"),
        ("torchvision.models.resnet", "ResNet"),
        ("keras_senet.weights.torch_objects", "CALLS"),
    ],
)
def test_names_are_refused_by_name(tmp_path, write, module, attribute, make):
    path = write(tmp_path / "x.pth", make(module, attribute))
    refused(path, rf"asks for `{module}\.{attribute}`, which no file of weights needs")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        # State for a name that is known, for a string, and a call of a string.
        (b"ccollections\nOrderedDict\n}X\x01\0\0\0a)sb.", "changes what is no tensor"),
        (b"X\x01\0\0\0a}b.", "changes what is no tensor"),
        (b"X\x09\0\0\0os.system)R.", "calls what is no function"),
        (b"ctorch\nFloatStorage\n)R.", "calls what is no function"),
        # INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, and a persistent name as text.
        (b"(S'true'\nios\nsystem\n.", "opcode INST"),
        (b"(ccollections\nOrderedDict\no.", "opcode OBJ"),
        (b"ccollections\nOrderedDict\n)\x81.", "opcode NEWOBJ"),
        (b"ccollections\nOrderedDict\n)}\x92.", "opcode NEWOBJ_EX"),
        (b"\x82\x01.", "opcode EXT1"),
        (b"Pstorage\n.", "opcode PERSID"),
        (b"X\x01\0\0\0aQ.", "outside itself"),
        # Strings and numbers of more bytes than there are.
        (b"\x8d" + b"\xff" * 7 + b"\x0fa.", "damaged"),
        (b"\x8b\xff\xff\xff\x7fa.", "damaged"),
        # An empty stack, an unknown memo, a mark that is none, a key that is a list.
        (b".", "damaged"),
        (b"h\x05.", "damaged"),
        (b"}u.", "damaged"),
        (b"}(X\x01\0\0\0au.", "damaged"),
        (b"}" + b"X\x01\0\0\0aNs" * 2 + b".", "holds a twice"),
    ],
)
def test_opcodes_are_refused(tmp_path, write, data, message):
    refused(write(tmp_path / "x.pth", b"\x80\x02" + data), message)


def test_what_refers_to_itself(tmp_path, write):
    # A dictionary that holds itself, and tuples within tuples as a key.
    path = write(tmp_path / "x.pth", b"\x80\x02}q\0X\x05\0\0\0modelh\0s.")
    refused(path, "no state dict, but model")
    deep = b"\x80\x02})" + b"\x85" * 100_000 + b"Ns."
    refused(write(tmp_path / "x.pth", deep), "no state dict, but nothing")


@pytest.mark.parametrize(
    ("numel", "shape", "strides", "offset"),
    [
        (6, (2, 3), (3, 1), 1),
        (6, (2, 3), (4, 1), 0),
        (6, (7,), (1,), 0),
        (6, (2**31, 2**31), (0, 0), 0),
        (6, (7,), (0,), 0),
        (6, (3,), (-1,), 5),
        (6, (3,), (1,), -1),
        (6, (-1,), (1,), 0),
        (6, (2, 3), (3,), 0),
        (6, (1,) * 65, (1,) * 65, 0),
        (6, (2**70,), (1,), 0),
        (6, (2.0,), (1,), 0),
        (2**40, (2**40,), (1,), 0),
        (7, (7,), (1,), 0),
        (-6, (6,), (1,), 0),
    ],
)
def test_views_beyond_their_storage(tmp_path, numel, shape, strides, offset):
    storage = Storage(np.ones(6, "float32"), "0", numel=numel)
    content = {"a": Tensor(storage, shape, strides, offset)}
    refused(write_zip(tmp_path / "x.pth", content), "cannot be read as weights: it")


def test_a_storage_of_two_kinds(tmp_path):
    one = Tensor(Storage(np.ones(4, "float32"), "0"), (4,))
    two = Tensor(Storage(np.ones(8, "float16"), "0"), (8,))
    path = write_zip(tmp_path / "x.pth", {"a": one, "b": two})
    refused(path, "contradicts itself about its storage 0")


def test_plain_containers_of_every_protocol():
    content = collections.OrderedDict(a=[1, 2.5, None, True, (1, 2, 3, "x")], b={})
    for protocol in range(1, 6):
        data = pickle.dumps(content, protocol)
        assert unpickle(io.BytesIO(data)) == content
