"""Whether a file is the one that was published."""

import functools
import hashlib
from pathlib import Path

from keras_senet.errors import InputError
from keras_senet.weights.checkpoint import Checkpoint


def digest(path: Path, algorithm: str) -> str:
    """The hash of a file, as lower-case hex digits."""
    with path.open("rb") as file:
        # MD5 tells accidents, not attacks; where it is barred, it may do so still.
        new = functools.partial(hashlib.new, algorithm, usedforsecurity=False)
        return hashlib.file_digest(file, new).hexdigest()


def git_digest(path: Path) -> str:
    """The name that Git gives to the content of a file."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def verify(path: Path, checkpoint: Checkpoint) -> str:
    """Compares a file with what was published of a checkpoint.

    Args:
        path: The file.
        checkpoint: Its row. Of a published hash, as many digits count as there are.

    Returns:
        The whole hash, as hex digits: of the algorithm that was published, SHA-256
        if none was.

    Raises:
        InputError: If the size or the hash differs, or if it is a web page.
    """
    size = path.stat().st_size
    if checkpoint.size is not None and size != checkpoint.size:
        raise InputError(
            f"{path} should have {checkpoint.size} bytes, but has {size}{_page(path)}"
        )
    algorithm, published = checkpoint.hashes or ("sha256", "")
    found = digest(path, algorithm)
    if not found.startswith(published.lower()):
        raise InputError(
            f"the {algorithm.upper()} of {path} should begin with "
            f"{published.lower()}, but is {found}{_page(path)}"
        )
    # Where nothing was published, this is all that tells a log-in page.
    if page := _page(path):
        raise InputError(f"{path} should be weights{page}")
    return found


def _page(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    page = start.startswith((b"<!doctype", b"<html", b"<?xml"))
    return " (it is a web page)" if page else ""
