"""What readers of weight files return: tensors that are read when they are needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        shape: Its shape.
        dtype: Its dtype, by NumPy's name, such as `"float32"`, or `"bfloat16"`.
        read: Reads it; each call reads the file anew.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class TensorFile:
    """A file of weights, of any format, as named tensors.

    Attributes:
        path: The file.
        format: `"safetensors"`, `"pth"`, `"caffemodel"`, `"keras"` or `"keras2"`.
        tensors: From the name in the file to the tensor, in the file's order.
        facts: What the file says about itself; formats differ in what that is.
    """

    path: Path
    format: str
    tensors: Mapping[str, StoredTensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
