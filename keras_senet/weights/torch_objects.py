"""What a pickled state dict is made of, as descriptions without any data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras_senet.weights.unreadable import shown


class Refused(ValueError):
    """A pickle wants what no file of weights needs, or contradicts itself."""


@dataclass(frozen=True)
class Global:
    """A name that a pickle asks for; a mere name, which nobody can call or change."""

    name: str


@dataclass(frozen=True)
class Storage:
    """Numbers of one dtype in a row, or a window on them.

    Attributes:
        key: Its name in the file.
        dtype: NumPy's name of the dtype.
        numel: How many numbers there are.
        begin: Where the window begins.
        length: How many numbers the window has.
    """

    key: str
    dtype: str
    numel: int
    begin: int
    length: int


@dataclass(frozen=True)
class View:
    """A tensor: where its numbers lie in a storage.

    Attributes:
        storage: The storage.
        offset: Where the first number lies, counted from the window's begin.
        shape: The tensor's shape.
        strides: Steps between neighbors along each axis, in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def span(self) -> int:
        """How many numbers lie from the first to the last one, these included."""
        if 0 in self.shape:
            return 0
        steps = zip(self.shape, self.strides, strict=True)
        return 1 + sum((size - 1) * stride for size, stride in steps)


DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
# A dtype by itself is named as NumPy names it.
NAMES = {f"torch.{name}" for name in (*DTYPES, *DTYPES.values())}
# NumPy's limit, and twice that of torch.
MOST_AXES = 64


def _whole(*numbers: Any) -> None:
    for number in numbers:
        if type(number) is not int or not 0 <= number < 2**62:
            raise Refused("it holds a tensor whose size, stride or offset is none")


def storage(identifier: Any) -> Storage:
    """Takes a persistent identifier, which is how torch pickles a storage."""
    match identifier:
        case ("storage", Global(name), str(key), _, numel, *window):
            pass
        case _:
            raise Refused("it refers to something outside itself that is no storage")
    dtype = DTYPES.get(name.removeprefix("torch."))
    if dtype is None:
        raise Refused(f"it takes `{shown(name)}` for a kind of storage")
    _whole(numel)
    begin, length = 0, numel
    if window and window[0] is not None:
        _, begin, length = window[0]
        _whole(begin, length)
        if begin + length > numel:
            raise Refused(f"its storage {shown(key)} has a window beyond its end")
    return Storage(key, dtype, numel, begin, length)


def _tensor(stored: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> View:
    if not isinstance(stored, Storage) or type(shape) is not tuple:
        raise Refused("it holds a tensor without a storage or a shape")
    if type(strides) is not tuple or not len(strides) == len(shape) <= MOST_AXES:
        raise Refused("it holds a tensor whose strides do not go with its shape")
    _whole(offset, *shape, *strides)
    view = View(stored, offset, shape, strides)
    count = 1
    for size in shape:
        count *= size
    # Steps of zero let a few bytes claim any amount of memory.
    if offset + view.span > stored.length or count > stored.length:
        raise Refused(
            f"it holds a tensor of {shown(shape)} that is larger than its storage "
            f"{shown(stored.key)} of {stored.length}"
        )
    return view


def _tensor_v2(stored: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> View:
    _, _, *metadata = rest
    if any(metadata):
        raise Refused("it holds a tensor that is to be conjugated or negated")
    return _tensor(stored, offset, shape, strides)


def _parameter(data: Any, *_: Any) -> View:
    if not isinstance(data, View):
        raise Refused("it holds a parameter that is no tensor")
    return data


def _size(sizes: Any = ()) -> tuple:
    return tuple(sizes)


def _ordered_dict(items: Any = ()) -> dict:
    # Python 2 passes the items as lists of two.
    made: dict = {}
    for key, value in items:
        put(made, key, value)
    return made


def put(target: dict, key: Any, value: Any) -> None:
    """Sets an item of a dictionary, once."""
    # Nothing that is looked for has another key, and hashing nested tuples recurses.
    if key is None or isinstance(key, str | int | float | bytes):
        if key in target:
            raise Refused(f"it holds {shown(key)} twice")
        target[key] = value


CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch.Size": _size,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor_v2,
    "torch._utils._rebuild_parameter": _parameter,
}
KNOWN = {*CALLS, *NAMES}


def known(name: str) -> Global:
    """Looks a global up in the short list of those that weights need."""
    if name not in KNOWN:
        raise Refused(
            f"it asks for `{shown(name)}`, which no file of weights needs; it is "
            "refused (of a whole model, save its `state_dict()` instead)"
        )
    return Global(name)
