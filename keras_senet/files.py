"""Files and folders that appear on disk whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(target: str | os.PathLike) -> Iterator[Path]:
    """Gives a path to write a file or a folder to, and renames it at the end.

    The path lies in a hidden folder beside the target, so that the rename stays
    within one file system, and bears the target's name, since writers look at
    endings. An existing file is replaced; an existing folder is an error. When
    the body raises, nothing is left behind.

    Args:
        target: Where the result shall appear. Its parent is made if needed.

    Yields:
        The path to write to.

    Raises:
        FileExistsError: If `target` is a folder already.

    Example:

    ```python
    with written_whole("run/record.json") as path:
        path.write_text("{}")
    ```
    """
    target = Path(target)
    parents = (target.parent, *target.parent.parents)
    made = [parent for parent in parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        path = beside / target.name
        yield path
        if target.is_dir():
            raise FileExistsError(f"{target} exists already.")
        os.replace(path, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        # Of what was made for nothing; others stay, which are not empty.
        with contextlib.suppress(OSError):
            for parent in made:
                parent.rmdir()
