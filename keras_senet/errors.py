"""Errors that are meant for the person at the keyboard."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something that the user gave cannot be used; the message says what to do.

    The command line prints the message alone and exits with code 2.
    """


def near_matches(name: str, known: Iterable[str], limit: int | None = None) -> str:
    """Ends an error message about an unknown name with the names like it.

    Args:
        name: What was asked for.
        known: What exists.
        limit: How many names to show if none is near, instead of all.

    Returns:
        A sentence: the near matches, or what is known if none is near.
    """
    known = sorted(known)
    by_lower_case = {entry.lower(): entry for entry in known}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=5, cutoff=0.5)
    if near:
        return f"Did you mean {', '.join(by_lower_case[entry] for entry in near)}?"
    more = ", ..." if limit is not None and len(known) > limit else "."
    return f"Known: {', '.join(known[:limit])}{more}"
