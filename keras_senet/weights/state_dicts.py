"""Which of the things in a pickle are the weights, and what they are called."""

from typing import Any

from keras_senet.weights.torch_objects import View
from keras_senet.weights.unreadable import shown

FIRST = "state_dict"
OTHERS = (
    "model",
    "model_state",
    "model_state_dict",
    "state_dict_ema",
    "model_ema",
    "net",
    "network",
)
AVERAGED = {"state_dict_ema", "model_ema"}
PARALLEL = "module."


def find_tensors(content: Any) -> tuple[dict[str, View], dict[str, Any]]:
    """Finds the state dict of a pickle.

    It is what is called `state_dict`, or the only one with another known name;
    without any, it is the tensors at the top.

    Args:
        content: What the pickle holds.

    Returns:
        The tensors by name, without the `module.` that training on several devices
        puts before all of them, and the plain values beside the state dict.

    Raises:
        ValueError: If there is no state dict, or more than one.
    """
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, not a state dict")
    meta = {
        key: value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, str | int | float)
    }
    key = _key(content)
    tensors = _tensors(content if key is None else content[key])
    if all(name.startswith(PARALLEL) for name in tensors):
        tensors = {name.removeprefix(PARALLEL): tensors[name] for name in tensors}
    return tensors, meta


def _tensors(content: Any) -> dict[str, View]:
    if not isinstance(content, dict):
        return {}
    return {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, View)
    }


def _key(content: dict) -> str | None:
    found = [key for key in (FIRST, *OTHERS) if _tensors(content.get(key))]
    if not found and _tensors(content):
        return None
    if not found:
        keys = ", ".join(shown(key) for key in list(content)[:10])
        raise ValueError(f"it holds no state dict, but {keys or 'nothing'}")
    # Averaged weights are another function, and which one is wanted nobody knows.
    if len(found) > 1 and (found[0] != FIRST or AVERAGED & set(found)):
        raise ValueError(
            f"it holds {len(found)} state dicts ({', '.join(found)}); save the one "
            "that you want by itself"
        )
    return found[0]
