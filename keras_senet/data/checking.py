"""Decodes every image of a folder, before a run stumbles upon the bad ones."""

import io
import json
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from keras_senet.data.decoding import orientation
from keras_senet.data.fault import fault
from keras_senet.data.listing import visible_files
from keras_senet.errors import InputError
from keras_senet.files import written_whole

GREY = ("1", "L", "LA", "I;16", "I;16B", "I")
ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a check has found.

    Attributes:
        folder: What was checked.
        checked: How many files were read.
        bad: Path and reason of each file that cannot be trained on, in order.
        notes: How many of the good files are something that is changed on decoding:
            "rotated by EXIF", "grey", "CMYK", "alpha dropped", "animated GIF, first
            frame", "16 bits, higher 8 kept".
    """

    folder: str
    checked: int
    bad: tuple[tuple[str, str], ...]
    notes: dict[str, int]

    def to_json(self) -> str:
        """The report as a JSON object."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def write(self, path: str | os.PathLike) -> None:
        """Writes the report to a JSON file, whole or not at all."""
        with written_whole(path) as whole:
            whole.write_text(self.to_json(), encoding="utf-8")


def check(path: str | os.PathLike, threads: int | None = None) -> Report:
    """Decodes all visible files below a folder, as training would.

    Each thread holds one image at a time. A bar on stderr shows the progress, if
    that is a terminal.

    Args:
        path: The folder. Its sub-folders are searched at any depth, links to
            folders too.
        threads: How many files to decode at once; default one per processor.

    Returns:
        The report.

    Raises:
        InputError: If there is no such folder or no file in it.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}.")
    total = sum(1 for _ in visible_files(root))
    if total == 0:
        raise InputError(f"There are no files in {root}.")
    files = visible_files(root)
    turn, ended = threading.Lock(), threading.Event()
    bar, task = _bar(total)

    def work() -> tuple[list[tuple[str, str]], Counter[str]]:
        bad: list[tuple[str, str]] = []
        notes: Counter[str] = Counter()
        while not ended.is_set():
            with turn:
                file = next(files, None)
            if file is None:
                break
            reason, seen = _look(file)
            if reason is not None:
                bad.append((_shown(file), reason))
            notes.update(seen)
            notes["checked"] += 1
            bar.advance(task)
        return bad, notes

    threads = threads or os.cpu_count() or 1
    with bar, ThreadPoolExecutor(threads) as pool:
        try:
            running = [pool.submit(work) for _ in range(threads)]
            parts = [done.result() for done in running]
        finally:
            ended.set()
    notes = sum((part[1] for part in parts), Counter())
    return Report(
        folder=_shown(str(root)),
        checked=notes.pop("checked"),
        bad=tuple(sorted(entry for part in parts for entry in part[0])),
        notes=dict(sorted(notes.items())),
    )


def _bar(total: int) -> tuple[Any, Any]:
    """A bar on stderr with a task, which shows nothing where there is no terminal."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn())
    bar = Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    return bar, bar.add_task("Checking", total=total)


def _shown(path: str) -> str:
    """A path that can be printed and stored."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _look(file: str) -> tuple[str | None, list[str]]:
    """Why a file is bad, or what is remarkable about a good one."""
    try:
        file.encode()
    except UnicodeEncodeError:
        return "Its name is not UTF-8; rename it.", []
    try:
        encoded = Path(file).read_bytes()
    except OSError as error:
        return f"It cannot be read ({error.strerror}).", []
    reason = fault(encoded)
    return reason, [] if reason else _notes(encoded)


def _notes(encoded: bytes) -> list[str]:
    from PIL import Image

    notes = ["rotated by EXIF"] if int(orientation(encoded)) > 1 else []
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            # Images of 16 bits are opened in modes of 8, only the raw mode tells.
            raw = str(image.tile[0][3]) if image.tile else ""
            facts = {
                "grey": image.mode in GREY,
                "CMYK": image.mode == "CMYK",
                "alpha dropped": image.mode in ALPHA or "transparency" in image.info,
                "animated GIF, first frame": image.format == "GIF"
                and getattr(image, "is_animated", False),
                "16 bits, higher 8 kept": "16" in raw,
            }
    # A file that TensorFlow decodes is good, whatever PIL thinks of it.
    except Exception:
        return notes
    return notes + [note for note, holds in facts.items() if holds]
