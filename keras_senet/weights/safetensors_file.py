"""Files of safetensors, through its own library."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_senet.weights.regions import numpy_dtype
from keras_senet.weights.tensors import StoredTensor, TensorFile
from keras_senet.weights.unreadable import naming, shown

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}


def read_safetensors(path: Path) -> TensorFile:
    """Reads a file of safetensors.

    Args:
        path: The file.

    Returns:
        Its tensors. The facts are the file's own metadata.

    Raises:
        ValueError: If it is damaged, or has numbers that NumPy has not.
    """
    from safetensors import SafetensorError, safe_open

    tensors = {}
    try:
        with safe_open(path, framework="numpy") as file:
            facts = dict(file.metadata() or {})
            for name in file.offset_keys():
                part = file.get_slice(name)
                dtype = part.get_dtype()
                if dtype not in DTYPES:
                    raise ValueError(f"its tensor {shown(name)} is of dtype {dtype}")
                tensors[name] = StoredTensor(
                    tuple(part.get_shape()), DTYPES[dtype], _reader(path, name, dtype)
                )
    except SafetensorError as error:
        raise ValueError(f"it is no whole file of safetensors ({error})") from error
    return TensorFile(path=path, format="safetensors", tensors=tensors, facts=facts)


def _reader(path: Path, name: str, dtype: str) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        from safetensors import SafetensorError, safe_open

        # So that the library finds the dtype.
        numpy_dtype(DTYPES[dtype])
        with naming(path):
            try:
                with safe_open(path, framework="numpy") as file:
                    return file.get_tensor(name)
            except SafetensorError as error:
                raise ValueError(f"it is damaged ({error})") from error

    return read
