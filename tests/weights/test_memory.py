"""Reading a file takes little more memory than its largest tensor, or than itself."""

import subprocess
import sys

import numpy as np
import pytest
from caffe_format import chunk, layer, network, varint
from safetensors.numpy import save_file
from torch_format import tensor, write_legacy, write_zip

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
SIZE = 60 * 2**20
SCRIPT = """
import resource, sys
import ml_dtypes, numpy
import google.protobuf.descriptor_pb2, google.protobuf.message_factory, safetensors
from keras_senet.weights.readers import read_tensors

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

# The peak of the imports is above what is in use after them.
with open("/proc/self/statm") as pages:
    used = int(pages.read().split()[1]) * resource.getpagesize()
filler = numpy.ones(max(0, most() - used) // 8)
before = most()
file = read_tensors(sys.argv[1])
total = 0.0
for stored in file.tensors.values():
    total += float(stored.read().reshape(-1)[-1])
print(most() - before, total)
"""


def blob(array):
    shape = chunk(7, chunk(1, b"".join(map(varint, array.shape))))
    return chunk(5, array.tobytes()) + shape


def write(kind, path, arrays):
    if kind == "safetensors":
        save_file(arrays, path)
    elif kind == "caffemodel":
        layers = [layer(name, "X", blob(array)) for name, array in arrays.items()]
        path.write_bytes(network(*layers))
    else:
        state = {name: tensor(array, name) for name, array in arrays.items()}
        (write_zip if kind == "zip" else write_legacy)(path, state)


@pytest.mark.parametrize(
    ("kind", "count"),
    # Of many tensors only Caffe's are all in memory at once.
    [
        ("zip", 1),
        ("legacy", 1),
        ("safetensors", 1),
        ("caffemodel", 1),
        ("caffemodel", 30),
    ],
)
def test_memory(tmp_path, kind, count):
    path = tmp_path / "x.bin"
    array = np.ones(SIZE // 4 // count, "float32")
    write(kind, path, {str(index): array for index in range(count)})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    taken, total = done.stdout.split()
    assert float(total) == count
    print(f"{kind}, {count} tensors: {int(taken) / SIZE:.2f} times the file")
    assert int(taken) < 2.5 * SIZE
