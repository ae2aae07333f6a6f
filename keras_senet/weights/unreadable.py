"""One line for whatever is wrong with a file of weights."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from keras_senet.errors import InputError


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Makes every `ValueError` of a reader say which file it is about.

    Args:
        path: The file that is read within the block.

    Yields:
        Nothing.

    Raises:
        InputError: In place of any `ValueError`.
    """
    try:
        yield
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read as weights: {shown(error, limit=400)}."
        ) from error


def shown(text: object, limit: int = 100) -> str:
    """What a file says, as it may be printed: on one line, and not too long."""
    line = " ".join(str(text).split())
    line = line if len(line) <= limit else f"{line[: limit - 3]}..."
    return line if line.isprintable() else ascii(line)
