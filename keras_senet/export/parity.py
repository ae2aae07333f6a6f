"""Whether an exported model gives the answers of the Keras model."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_senet.errors import InputError

# Of a probability; float32 rounding in another order of operations stays below.
TOLERANCE = 1e-5


class ParityError(InputError):
    """An exported model does not give the answers of the Keras model."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was compared.

    Attributes:
        path: The exported model.
        images: Number of images.
        largest_difference: Of any output, between exported and Keras model.
    """

    path: Path
    images: int
    largest_difference: float


def compare(expected: Any, answer: Any, tolerance: float) -> float:
    """Compares two arrays of answers.

    Args:
        expected: Of the Keras model.
        answer: Of the exported model.
        tolerance: The largest difference to accept.

    Returns:
        The largest difference.

    Raises:
        ParityError: If shapes differ, or a difference is larger or not a number.
    """
    expected, answer = np.asarray(expected), np.asarray(answer)
    if expected.shape != answer.shape:
        raise ParityError(
            f"The exported model answers in shape {answer.shape}, the Keras model in "
            f"{expected.shape}. Nothing was written."
        )
    largest = float(np.max(np.abs(expected.astype("float64") - answer)))
    if not largest <= tolerance:
        raise ParityError(
            f"The exported model's answers differ from the Keras model's by up to "
            f"{largest:.2e}, more than {tolerance:.0e}. Nothing was written."
        )
    return largest


def replay(saved_model: Path, inputs: dict[str, Any]) -> dict[str, Any]:
    """Runs a SavedModel in a fresh process that knows neither Keras nor us.

    Args:
        saved_model: The folder with `saved_model.pb`.
        inputs: Arrays by name of the signature's input.

    Returns:
        Arrays by name of the signature's output.

    Raises:
        ParityError: If the process fails; with the end of what it printed.
    """
    script = Path(__file__).with_name("replay_saved_model.py")
    with tempfile.TemporaryDirectory() as folder:
        given, answered = Path(folder, "inputs.npz"), Path(folder, "outputs.npz")
        np.savez(given, **inputs)
        command = [sys.executable, str(script), str(saved_model), str(given)]
        done = subprocess.run(
            [*command, str(answered)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ParityError(
                "The exported model cannot be loaded and run: "
                + done.stderr.strip().rpartition("\n")[2]
            )
        with np.load(answered) as arrays:
            return dict(arrays)
