"""A machine for pickles that makes descriptions of tensors and plain containers.

It is no `pickle.Unpickler`: it imports nothing, calls nothing that a pickle names,
and sets no attribute, so that there is nothing to be misled.
"""

import struct
from typing import Any

from keras_senet.weights import torch_objects
from keras_senet.weights.torch_objects import (
    CALLS,
    Global,
    Refused,
    Storage,
    View,
    put,
)
from keras_senet.weights.unreadable import shown

# Of a network with its optimizer there are some hundred thousand.
MOST_OPCODES = 5_000_000
LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
DAMAGE = (LookupError, TypeError, AttributeError, ArithmeticError, EOFError)


def unpickle(stream: Any, storages: dict[str, Storage] | None = None) -> Any:
    """Reads one pickle, and leaves the stream behind it.

    Args:
        stream: The stream; reading beyond its end must not cost memory, as in
            `io.BytesIO` and `mmap`.
        storages: Gets the storages that the pickle refers to, by their keys.
            Without it, referring to any is an error.

    Returns:
        Dictionaries, lists, tuples, numbers and strings, with `View` for tensors.

    Raises:
        ValueError: If the pickle is damaged, or asks for anything else.
    """
    import pickletools  # for files of torch alone

    machine = _Machine(storages)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name == "STOP":
                return machine.stack.pop()
            if count > MOST_OPCODES:
                raise Refused(f"its pickle has more than {MOST_OPCODES} opcodes")
            machine.step(opcode.name, argument)
    except Refused:
        raise
    except (ValueError, struct.error, *DAMAGE) as error:
        raise ValueError(f"its pickle is damaged ({error})") from error
    raise ValueError("its pickle has no end")


class _Machine:
    """The stack, the marks on it, and the memo."""

    def __init__(self, storages: dict[str, Storage] | None) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Carries out one opcode."""
        if name in LITERALS:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name not in ("PROTO", "FRAME"):
            if name not in STEPS:
                raise Refused(
                    f"its pickle uses the opcode {name}, which no file of weights "
                    "needs; it is refused"
                )
            STEPS[name](self, argument)

    def taken(self, count: int) -> list[Any]:
        """Takes some items from the stack."""
        if count > len(self.stack):
            raise IndexError("its stack is empty")
        at = len(self.stack) - count
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def marked(self) -> list[Any]:
        """Takes the items above the last mark."""
        return self.taken(max(0, len(self.stack) - self.marks.pop()))


def _mark(machine: _Machine, _: Any) -> None:
    machine.marks.append(len(machine.stack))


def _remember(machine: _Machine, index: Any) -> None:
    machine.memo[len(machine.memo) if index is None else index] = machine.stack[-1]


def _recall(machine: _Machine, index: Any) -> None:
    machine.stack.append(machine.memo[index])


def _name(machine: _Machine, argument: str) -> None:
    # The argument of GLOBAL is the module and the name, with a space between.
    machine.stack.append(torch_objects.known(argument.replace(" ", ".", 1)))


def _stacked_name(machine: _Machine, _: Any) -> None:
    module, name = machine.taken(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise TypeError("a name that is no string")
    machine.stack.append(torch_objects.known(f"{module}.{name}"))


def _extend(target: Any, items: list[Any]) -> None:
    if not isinstance(target, list):
        raise TypeError("items appended to what is no list")
    target.extend(items)


def _fill(target: Any, items: list[Any]) -> None:
    if not isinstance(target, dict):
        raise TypeError("items set in what is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        put(target, key, value)


def _append(machine: _Machine, _: Any) -> None:
    items = machine.taken(1)
    _extend(machine.stack[-1], items)


def _appends(machine: _Machine, _: Any) -> None:
    items = machine.marked()
    _extend(machine.stack[-1], items)


def _set_item(machine: _Machine, _: Any) -> None:
    items = machine.taken(2)
    _fill(machine.stack[-1], items)


def _set_items(machine: _Machine, _: Any) -> None:
    items = machine.marked()
    _fill(machine.stack[-1], items)


def _marked_dict(machine: _Machine, _: Any) -> None:
    made: dict = {}
    _fill(made, machine.marked())
    machine.stack.append(made)


def _call(machine: _Machine, _: Any) -> None:
    function, arguments = machine.taken(2)
    if not isinstance(function, Global) or function.name not in CALLS:
        raise Refused("its pickle calls what is no function; it is refused")
    if type(arguments) is not tuple:
        raise TypeError("a call without arguments")
    machine.stack.append(CALLS[function.name](*arguments))


def _ignore_state(machine: _Machine, _: Any) -> None:
    machine.taken(1)
    # The state of a state dict says the versions of its modules.
    if not isinstance(machine.stack[-1], dict | View):
        raise Refused("its pickle changes what is no tensor; it is refused")


def _refer(machine: _Machine, _: Any) -> None:
    (identifier,) = machine.taken(1)
    if machine.storages is None:
        raise Refused("it refers to a storage where none can be")
    found = torch_objects.storage(identifier)
    first = machine.storages.setdefault(found.key, found)
    if (first.dtype, first.numel) != (found.dtype, found.numel):
        raise Refused(f"it contradicts itself about its storage {shown(found.key)}")
    machine.stack.append(found)


STEPS = {
    "MARK": _mark,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _recall),
    "GLOBAL": _name,
    "STACK_GLOBAL": _stacked_name,
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "LIST": lambda machine, _: machine.stack.append(machine.marked()),
    "DICT": _marked_dict,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.marked())),
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.taken(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.taken(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.taken(3))),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "REDUCE": _call,
    "BUILD": _ignore_state,
    "BINPERSID": _refer,
}
