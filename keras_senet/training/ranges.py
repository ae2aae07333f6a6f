"""Checks of the numbers in a recipe."""

from typing import Any

from keras_senet.errors import InputError


def check_range(
    owner: Any, name: str, low: float, high: float, *, below: bool = False
) -> None:
    """Refuses a field that is out of its range; `None` is left alone.

    Args:
        owner: Has the field.
        name: Of the field.
        low: The least value.
        high: The largest value.
        below: Whether the least value itself is refused, too.

    Raises:
        InputError: If the value is not a number in the range.
    """
    value = getattr(owner, name)
    if value is None:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (low < value <= high if below else low <= value <= high):
        least = f"above {low}" if below else f"at least {low}"
        most = "" if high == float("inf") else f" and at most {high}"
        raise InputError(f"{name} should be {least}{most}. Received: {value}")


def check_choice(owner: Any, name: str, *choices: str) -> None:
    """Refuses a field that is none of the known words.

    Args:
        owner: Has the field.
        name: Of the field.
        *choices: The known words.

    Raises:
        InputError: If the value is none of them.
    """
    value = getattr(owner, name)
    if value not in choices:
        raise InputError(
            f"{name} should be one of {', '.join(choices)}. Received: {value!r}"
        )
