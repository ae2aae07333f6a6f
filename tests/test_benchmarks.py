"""The benchmark of the input pipeline runs, from its own command line."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "input_pipeline.py"


@pytest.mark.slow
@pytest.mark.rare
@pytest.mark.usefixtures("only_tensorflow")
def test_input_pipeline(tmp_path):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--smoke"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    rows = {line.strip().partition("   ")[0]: line.split() for line in lines}
    # Of the contenders, these need no more than the tests do.
    assert rows["limit: the same crops"][-2] == "1.00"
    for name in ("keras_senet", "Keras' loader and layers"):
        assert float(rows[name][-3]) > 0
    assert "adds" in lines[-1]
