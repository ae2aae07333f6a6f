"""What lies in a folder of images."""

import os
from collections.abc import Iterator
from pathlib import Path

from keras_senet.errors import InputError

NOT_IMAGES = ("thumbs.db", "desktop.ini")


def sub_folders(folder: Path) -> list[Path]:
    """Visible folders in a folder, in order.

    Args:
        folder: Where to look.

    Returns:
        Their paths.

    Raises:
        InputError: If the folder cannot be listed.
    """
    return [Path(entry.path) for entry in _visible(folder) if entry.is_dir()]


def visible_files(folder: Path, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Files at any depth but hidden ones and those of file managers.

    Links to folders are followed, but not in circles; links that lead nowhere are
    files that cannot be read.

    Args:
        folder: Where to look.
        above: The folders that are being looked at already.

    Yields:
        Paths, in order.

    Raises:
        InputError: If a folder cannot be listed.
    """
    here = os.path.realpath(folder)
    if here in above:
        return
    for entry in _visible(folder):
        if entry.is_dir():
            yield from visible_files(Path(entry.path), (*above, here))
        # Reading from a pipe or a device would never end.
        elif entry.is_file() or not os.path.exists(entry.path):
            yield entry.path


def _visible(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (
                    entry
                    for entry in entries
                    if not entry.name.startswith(".")
                    and entry.name.lower() not in NOT_IMAGES
                ),
                key=lambda entry: entry.name,
            )
    except OSError as error:
        raise InputError(f"{folder} cannot be listed ({error.strerror}).") from error
