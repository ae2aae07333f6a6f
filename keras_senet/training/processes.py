"""One training, or one test, in a process of its own."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_senet.files import written_whole
from keras_senet.training.plan import Job
from keras_senet.training.recipe_text import recipe_yaml

STOPPING = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)


def train_in_process(job: Job, devices: int | None) -> int:
    """Starts or resumes a training, and waits for its end.

    Args:
        job: What to train. Recipe and log are written beside its folder.
        devices: As for `keras-senet train --devices`.

    Returns:
        The exit code of the process.
    """
    recipe = job.path.with_name(f"{job.path.name}.yaml")
    with written_whole(recipe) as path:
        path.write_text(recipe_yaml(job.recipe))
    command = ["-m", "keras_senet.cli", "train", "--no-export"]
    command += ["--recipe", str(recipe), "--out", str(job.path)]
    if (job.path / "record.json").is_file():
        command += ["--resume"]
    elif job.path.exists():
        # Of a run that was killed before it began.
        command += ["--overwrite"]
    if devices is not None:
        command += ["--devices", str(devices)]
    return _wait(command, job.log)


def measure_in_process(job: Job, size: int) -> int:
    """Tests the best model of a run on larger images, and waits for the end.

    Args:
        job: Whose run is finished.
        size: Side of the images, in pixels.

    Returns:
        The exit code of the process.
    """
    command = ["-m", "keras_senet.training.larger_test", str(job.path), str(size)]
    return _wait([*command, str(job.larger_test(size))], job.log)


def _wait(arguments: Sequence[str], log: Path) -> int:
    with log.open("ab") as file, _interrupting():
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            # So that Ctrl-C reaches it through us, once: its second one is fatal.
            start_new_session=True,
        )
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            # It saves where it is; a second Ctrl-C does not wait for that.
            try:
                process.wait()
            except KeyboardInterrupt:
                process.kill()
                process.wait()
            raise


@contextlib.contextmanager
def _interrupting() -> Iterator[None]:
    """Lets every signal that asks to stop act as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in STOPPING}
    # What nohup ignores stays ignored.
    before = {x: handler for x, handler in before.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
