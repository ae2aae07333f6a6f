"""Every example runs, from its own command line."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
ROOT = Path(__file__).parents[1]
EXAMPLES = sorted([*ROOT.glob("examples/*.py"), *ROOT.glob("export/*.py")])
# What each one prints at the end of its smoke run.
ENDS = {
    "custom_se_cnn": "se3: the classes' mean gates deviate by 0.",
    "finetune_folder": " of 9)",
    "insert_into_mobilenet": "Test accuracy: 0.",
    "predict": "(n",
    "to_onnx": ": 0.0",
    "to_saved_model": ": 0.0",
    "to_tflite": "for 100% of the images",
    "train_digits": " of 359)",
    "train_imagenet": " of 3)",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_smoke(path, tmp_path):
    command = f"python {path.parent.name}/{path.name}"
    assert command in path.read_text()
    done = subprocess.run(
        [sys.executable, str(path), "--smoke"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert ENDS[path.stem] in done.stdout.splitlines()[-1]
