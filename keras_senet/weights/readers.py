"""Files of weights of other libraries, known by what they begin with."""

import os
from collections.abc import Callable
from pathlib import Path

from keras_senet.weights.caffe_file import read_caffemodel
from keras_senet.weights.keras2_file import read_keras2
from keras_senet.weights.safetensors_file import read_safetensors
from keras_senet.weights.tensors import TensorFile
from keras_senet.weights.torch_file import read_legacy, read_zip
from keras_senet.weights.unreadable import naming

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# The beginning of the number that is the first of torch's pickles.
LEGACY = bytes.fromhex("8a0a6cfc9c46f9206aa85019")
HDF5 = b"\x89HDF\r\n\x1a\n"
LFS = b"version https://git-lfs"
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"(\xb5/\xfd")
# A network of Caffe begins with its name, or else with a layer of either kind.
CAFFE = (b"\x0a", b"\x12", b"\xa2\x06")
# The limit of safetensors for what says the names and shapes.
LONGEST_HEADER = 100_000_000


def read_tensors(path: str | os.PathLike) -> TensorFile:
    """Reads a file of weights, whatever its ending, as named tensors.

    Nothing in the file is executed, and neither torch nor Caffe is needed. A pickle
    may hold tensors and plain containers; anything else in it is refused by name.

    Args:
        path: A file of safetensors, of `torch.save` (in either of its formats), of
            Caffe, or of Keras 2 by `classification_models`.

    Returns:
        Its tensors, which are read when they are needed.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is of another kind, damaged, or refused.

    Example:

    ```python
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"fc.bias": np.zeros(10, "float32")}, "weights.bin")
    file = read_tensors("weights.bin")
    file.format  # "safetensors"
    file.tensors["fc.bias"].shape  # (10,)
    file.tensors["fc.bias"].read()
    ```
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {path}.")
    with naming(path):
        file = _reader(path)(path)
        if not file.tensors:
            raise ValueError("it holds no tensors")
    return file


def _reader(path: Path) -> Callable[[Path], TensorFile]:
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise ValueError("it is empty")
    if head.startswith(ZIP):
        return read_zip
    if head.startswith(HDF5):
        return read_keras2
    if head[0] == 0x80 and LEGACY in head[:24]:
        return read_legacy
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= LONGEST_HEADER:
        return read_safetensors
    if head.startswith(LFS):
        raise ValueError(
            "it is a pointer of git-lfs to the file; fetch it with `git lfs pull`"
        )
    if head.startswith(PACKED) or head[257:262] == b"ustar":
        raise ValueError(
            "it is a packed archive; unpack it first (the tar archives of the first "
            "versions of torch are not read)"
        )
    if _is_text(head):
        begin = " ".join(head[:60].decode().split())
        raise ValueError(
            f"it is text ({begin}...), such as servers answer in place of a file"
        )
    if head[0] == 0x80:
        raise ValueError("it is a pickle that `torch.save` did not write")
    if head.startswith(CAFFE) or path.suffix == ".caffemodel":
        return read_caffemodel
    raise ValueError("it is no file of safetensors, of `torch.save` or of Caffe")


def _is_text(head: bytes) -> bool:
    return not any(b > 126 or (b < 32 and b not in b"\t\n\r") for b in head)
