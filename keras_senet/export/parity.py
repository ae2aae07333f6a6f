"""Whether an exported file gives the answers of the Keras model."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_senet.errors import InputError
from keras_senet.export import runtimes

# The largest difference of the logits over their standard deviation, and the least
# share of images with the same top-1 class.
LIMITS: dict[str, tuple[float | None, float | None]] = {
    "float32": (1e-4, None),
    "float16": (1e-2, None),
    "dynamic": (None, 0.95),
    "int8": (None, 0.95),
}
# What stands for the latter where answers are no classes: a difference, as above.
COARSE = 0.5
# Of a sigmoid near one, single precision has but a few digits of the distance to it.
LEAST_DISTANCE = 1e-3
# Below, no probabilities mean something, in single precision and in eight bits.
LEAST_PROBABILITY, LEAST_OF_INTEGERS = 1e-30, 1 / 256


class ParityError(InputError):
    """An exported file does not give the answers of the Keras model."""


@dataclass(frozen=True, kw_only=True)
class Differences:
    """How far answers are from those of the Keras model.

    Attributes:
        largest: The largest difference of any answer.
        relative: The largest difference of the logits over their standard deviation.
        agreement: Share of images with the same top-1 class, if they are classes.
    """

    largest: float
    relative: float
    agreement: float | None


def compare(
    expected: Any, answer: Any, output: str, least: float = LEAST_PROBABILITY
) -> Differences:
    """Compares two arrays of answers.

    Args:
        expected: Of the Keras model.
        answer: Of the exported file.
        output: What they are: `"probabilities"`, `"logits"` or `"features"`.
        least: Smaller probabilities count as that.

    Returns:
        How far they are from each other.

    Raises:
        ParityError: If their shapes differ or one of them is not finite.
    """
    expected = np.asarray(expected, dtype="float64")
    answer = np.asarray(answer, dtype="float64")
    if expected.shape != answer.shape:
        raise ParityError(
            f"The exported file answers in shape {answer.shape}, the Keras model in "
            f"{expected.shape}. Nothing was written."
        )
    for whose, values in (("Keras model", expected), ("exported file", answer)):
        if not np.isfinite(values).all():
            raise ParityError(
                f"The {whose}'s answers are not finite numbers. Nothing was written."
            )
    agreement = None
    if output != "features" and expected.ndim == 2 and expected.shape[1] > 1:
        agreement = float(np.mean(expected.argmax(axis=1) == answer.argmax(axis=1)))
    one, other = (_logits(x, output, least) for x in (expected, answer))
    spread = float(np.std(one)) or 1.0
    return Differences(
        largest=float(np.max(np.abs(expected - answer))),
        relative=float(np.max(np.abs(one - other))) / spread,
        agreement=agreement,
    )


def _logits(answers: np.ndarray, output: str, least: float) -> np.ndarray:
    """What the probabilities were made of, up to what the softmax does not see."""
    if output != "probabilities":
        return answers
    logs = np.log(np.clip(answers, least, 1))
    if np.allclose(answers.sum(axis=-1), 1, atol=1e-2):
        return logs - logs.mean(axis=-1, keepdims=True)
    return logs - np.log(np.clip(1 - answers, max(least, LEAST_DISTANCE), 1))


def check(
    found: Differences, precision: str, tolerance: float | None, least: float | None
) -> None:
    """Refuses a file that is too far from its Keras model.

    Raises:
        ParityError: If a difference is above its tolerance.
    """
    if tolerance is None and least is not None and found.agreement is None:
        tolerance = COARSE
    if tolerance is not None and not found.relative <= tolerance:
        raise ParityError(
            f"The {precision} file's logits differ from the Keras model's by up to "
            f"{found.relative:.2e} of their standard deviation, more than "
            f"{tolerance:.0e}. Nothing was written."
        )
    if least is not None and found.agreement is not None and found.agreement < least:
        raise ParityError(
            f"The {precision} file has the Keras model's top-1 class for "
            f"{found.agreement:.1%} of the images, less than {least:.1%}. "
            "Nothing was written."
        )


def replay(
    path: Path, images: np.ndarray, repetitions: int = 0
) -> dict[str, np.ndarray]:
    """Runs an exported file in a fresh process that knows its runtime alone.

    Args:
        path: The file, or the folder with `saved_model.pb`.
        images: What to run it on.
        repetitions: How often to measure the time a call takes.

    Returns:
        `"answers"`, `"runtime"`, and `"milliseconds_1"` and `"milliseconds_8"`.

    Raises:
        ParityError: If the process fails; with the end of what it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, answered = Path(folder, "images.npy"), Path(folder, "answers.npz")
        np.save(given, images)
        # -P: the modules beside the program are not to be found by its imports.
        command = [sys.executable, "-P", runtimes.__file__, str(path), str(given)]
        done = subprocess.run(
            [*command, str(answered), str(repetitions)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"code {done.returncode}"]
            raise ParityError(
                f"The exported file cannot be loaded and run: {lines[-1]}"
            )
        with np.load(answered) as arrays:
            return dict(arrays)


def answers_of(predict: Callable[[Any], Any], images: np.ndarray) -> np.ndarray:
    """Answers in parts that fit into memory."""
    parts = [images[i : i + 32] for i in range(0, len(images), 32)]
    return np.concatenate([np.asarray(predict(part)) for part in parts])
