"""Downloading a file from any server, in as many sittings as it takes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from keras_senet.errors import InputError
from keras_senet.weights.client import quiet, unknown_host

PARTIAL = ".incomplete"
TRIES = 3
RANGE_NOT_SATISFIABLE = 416
BROKEN = {"ReadError", "RemoteProtocolError"}


def download(
    url: str, target: Path, check: Callable[[Path], object], resume: bool
) -> None:
    """Downloads a file that appears under its name only when it is whole.

    What has arrived lies in `<target>.incomplete`, and the next call asks for the
    rest. Processes that want the same file wait for one another.

    Args:
        url: Where the file is.
        target: The file to make. If it has appeared meanwhile, it is left alone.
        check: Raises `InputError` if what it is given is not the wanted file.
        resume: Whether `check` would notice if the beginning of another file had
            been left behind. If not, every call starts anew.

    Raises:
        InputError: If something else arrived, which is deleted then.
        Exception: What the client library and the disk raise.
    """
    from huggingface_hub.utils import WeakFileLock

    if error := unknown_host(url):
        raise error
    partial = target.with_name(target.name + PARTIAL)
    lock = target.parent / ".locks" / f"{target.name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with quiet(), WeakFileLock(lock):
        if target.is_file():
            return
        if not resume:
            partial.unlink(missing_ok=True)
        try:
            while True:
                resumed = partial.is_file()
                try:
                    _receive(url, partial, target.name)
                    check(partial)
                    break
                except InputError:
                    partial.unlink()
                    # The fault may lie in what was left from another day.
                    if not resumed:
                        raise
        finally:
            # An empty file is nothing to resume from.
            if partial.is_file() and not partial.stat().st_size:
                partial.unlink()
        os.replace(partial, target)


def _receive(url: str, partial: Path, name: str) -> None:
    """Appends to a file what it lacks.

    `http_get` follows redirects, shows its progress, asks again when an answer ends
    too early or stalls, and begins anew when a server sends the whole file instead
    of the rest. Left to do are servers that stumble, connections that are reset, and
    a file that lacks nothing.
    """
    from huggingface_hub.errors import HfHubHTTPError, HTTPError
    from huggingface_hub.file_download import http_get

    with partial.open("ab") as file:
        for left in reversed(range(TRIES)):
            start = file.tell()
            try:
                return http_get(
                    url,
                    file,
                    resume_size=start,
                    # A compressed answer could not be resumed.
                    headers={"Accept-Encoding": "identity"},
                    displayed_filename=name,
                )
            except HfHubHTTPError as error:
                status = error.response.status_code
                if status == RANGE_NOT_SATISFIABLE and start:
                    return None
                if status < 500 or not left:
                    raise
            except HTTPError as error:
                # The library's HTTP client has changed its name, not its errors'.
                if type(error).__name__ not in BROKEN or not left:
                    raise
            except OSError as error:
                # `http_get` speaks so of a wrong length; faults of disks bear numbers.
                if error.errno is None and type(error) is OSError:
                    raise InputError(str(error).splitlines()[0]) from error
                raise
            time.sleep(1)
    return None
