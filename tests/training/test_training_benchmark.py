"""The benchmark of a training step runs, from its own command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.rare,
    pytest.mark.usefixtures("only_tensorflow"),
]
PROGRAM = Path(__file__).parents[2] / "benchmarks" / "training.py"
TINY = ["--network", "SEResNet20", "--image-size", "32", "--batch-size", "4"]
TINY += ["--rounds", "2", "--seconds", "0.1"]


def benchmark(*arguments):
    return subprocess.run(
        [sys.executable, str(PROGRAM), *TINY, *arguments],
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_side_by_side(tmp_path):
    out = tmp_path / "numbers.json"
    chosen = ["plain", "replicas", "jpegs", "pipeline"]
    done = benchmark("--json", str(out), "--contenders", *chosen)
    assert done.returncode == 0, done.stderr
    assert "SE makes a step " in done.stdout
    assert "The pipeline alone reads " in done.stdout
    rates = json.loads(out.read_text())["images_per_second"]
    # Four contenders are two groups, and ours has its turn in both.
    assert [len(rates.pop(name)) for name in ("ours", "the JPEGs alone")] == [4, 2]
    assert {len(values) for values in rates.values()} == {2}
    assert all(rate > 0 for values in rates.values() for rate in values)


def test_jax():
    pytest.importorskip("jax")
    done = benchmark("--jax", "--peak-tflops", "1")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    ((*_, rate, ratio, operations, share),) = (
        row for row in rows if row[:1] == ["SEResNet20,"]
    )
    assert float(ratio) == 1
    assert float(rate) > 0
    assert float(share.rstrip("%")) == pytest.approx(100 * float(operations), abs=0.5)


def test_more_gpus_than_there_are():
    done = benchmark("--gpus", "99")
    assert done.returncode == 2
    assert "GPUs. Received: --gpus 99" in done.stdout
