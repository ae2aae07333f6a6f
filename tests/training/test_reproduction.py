"""Running a table: what is run, what is left, and what is made of it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_senet import cli
from keras_senet.errors import InputError
from keras_senet.training.measurements import Cell, Measurement
from keras_senet.training.reproduction import reproduce

pytestmark = pytest.mark.usefixtures("only_tensorflow")
CLASSES = [str(x) for x in range(10)]


def folders(jobs):
    return [f"{job.variant.folder}/{job.path.name}" for job in jobs]


class Trainer:
    """Trains nothing: writes records in which each run has other counts."""

    def __init__(self, fails=(), stops=()):
        self.fails, self.stops, self.jobs = fails, stops, []

    def __call__(self, job, devices=None):
        self.jobs.append(job)
        name = f"{job.variant.folder}/{job.path.name}"
        if name in self.fails:
            return 2
        job.path.mkdir(exist_ok=True)
        right = 300 + 10 * job.seed + (job.variant.recipe.model.reduction or 0)
        record = {
            "status": "running" if name in self.stops else "finished",
            "recipe": asdict(job.recipe),
            "data": {"class_names": CLASSES},
            "metrics": {"test": {"count": 359, "top1": right, "top5": 359}},
        }
        (job.path / "record.json").write_text(json.dumps(record))
        return 0

    @property
    def names(self):
        return folders(self.jobs)


def run(out, trainer, table="J10", **arguments):
    arguments = {"scale": "small", "seeds": 2, **arguments}
    return reproduce(table, out=out, train=trainer, **arguments)


@given(st.lists(st.integers(0, 359), min_size=2, max_size=6))
def test_mean_and_deviation_are_those_of_numpy(right):
    runs = tuple(
        Measurement(
            seed=seed,
            split="test",
            count=359,
            top1=top1,
            top5=359,
            classes=10,
        )
        for seed, top1 in enumerate(right)
    )
    errors = 100 * (1 - np.array(right) / 359)
    cell = Cell(runs=runs, wanted=6)
    assert cell.mean() == pytest.approx(errors.mean())
    assert cell.deviation() == pytest.approx(errors.std(ddof=1), abs=1e-9)
    assert cell.mean(1) == 0
    assert Cell(runs=runs[:1], wanted=6).deviation() is None
    assert Cell(runs=(), wanted=6).mean() is None


def test_finished_runs_are_skipped_and_unfinished_ones_go_on(tmp_path):
    first = Trainer(fails=["ratio-4/seed0"], stops=["none/seed1"])
    results = run(tmp_path, first)
    assert len(first.jobs) == 12
    assert folders(results.failed) == ["ratio-4/seed0", "none/seed1"]
    assert results.missing == 2
    second = Trainer()
    assert run(tmp_path, second).missing == 0
    assert second.names == ["ratio-4/seed0", "none/seed1"]
    third = Trainer()
    run(tmp_path, third)
    assert third.jobs == []


def test_another_recipe_in_the_folder_is_an_error(tmp_path):
    run(tmp_path, Trainer())
    with pytest.raises(InputError, match=r"another recipe: .*schedule.epochs=6"):
        run(tmp_path, Trainer(), epochs=3)


def test_the_table_says_what_was_run(tmp_path):
    results = run(tmp_path, Trainer(fails=["ratio-2/seed1"]))
    folder = tmp_path / "J10-small-digits"
    text = (folder / "table.md").read_text()
    # 300 and 310 of 359 are right without SE, and as many more as the ratio with it.
    errors = 100 * (1 - np.array([300, 310]) / 359)
    mean, deviation = errors.mean(), errors.std(ddof=1)
    assert (
        f"| ratio 4 | 23.30 / 6.55 | 22.25 / 6.09 | {mean:.2f} ± {deviation:.2f} / "
        f"0.00 ± 0.00 | {mean - 400 / 359:.2f} ± {deviation:.2f} / 0.00 ± 0.00 | "
        f"{-400 / 359:+.2f} / +0.00 | 2 |"
    ) in text
    assert "se_resnet20 at 16 pixels, 6 epochs" in text
    assert "cannot be compared" in text
    assert "1 of 12 runs are missing" in text
    assert "keras-senet reproduce J10 --scale small --seeds 2" in text
    rows = json.loads((folder / "table.json").read_text())["rows"]
    assert [row["label"] for row in rows][-1] == "none"
    assert rows[1]["with_se"]["runs"][1] == {
        "seed": 1,
        "split": "test",
        "count": 359,
        "top1": 314,
        "top5": 359,
    }
    assert folders(results.failed) == ["ratio-2/seed1"]


def test_missing_cells(tmp_path):
    results = run(tmp_path, Trainer(fails=["none/seed0"]), seeds=1)
    cells = {line.cells[0]: line.cells for line in results.lines}
    assert cells["ratio 8",][3:] == (
        ("-",),
        ("14.21", "0.00"),
        ("-",),
        ("0 of 1 and 1",),
    )
    assert cells["none",][3:] == (("-",), ("",), ("",), ("0 of 1",))


def test_parts_and_rows(tmp_path):
    trainers = [Trainer(), Trainer()]
    run(tmp_path, trainers[0], part=(1, 2))
    results = run(tmp_path, trainers[1], part=(2, 2))
    assert results.missing == 0
    assert not set(trainers[0].names) & set(trainers[1].names)
    rows = Trainer()
    run(tmp_path / "rows", rows, rows=["Ratio 8"], seeds=1)
    assert sorted(rows.names) == ["none/seed0", "ratio-8/seed0"]
    with pytest.raises(InputError, match=r"has no row 'ratio 7'.* Did you mean ratio"):
        run(tmp_path, Trainer(), rows=["ratio 7"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["C9"], "Did you mean C5"),
        (["C2", "--data", "digits"], "--scale small"),
        (["J10", "--scale", "small", "--seeds", "0"], "seeds should be at least 1"),
        (["J10", "--part", "3/2"], "K from 1 to N"),
        (["J10", "--data", "nowhere", "--optimizer.rate=3"], "There is no option"),
    ],
)
def test_bad_commands(capsys, tmp_path, arguments, message):
    assert cli.main(["reproduce", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_listing_and_dry_runs_train_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    assert cli.main(["reproduce"]) == 0
    assert "C3, J8" in capsys.readouterr().out
    command = ["reproduce", "C2", "--scale", "small", "--dry-run", "--part", "2/5"]
    assert cli.main([*command, "--seeds", "1", "--schedule.epochs=3"]) == 0
    printed = capsys.readouterr().out
    assert "C2-small-digits/se-resnet-50/seed0 (new)" in printed
    assert "data.image_size=16" in printed
    assert "3 epochs" in printed
    assert "Left out: VGG-16, since" in printed
    assert list(tmp_path.iterdir()) == []


TINY = ["reproduce", "C3", "--scale", "small", "--seeds", "1", "--epochs", "1"]
TINY += ["--model.name=se_resnet20", "--data.image_size=8", "--data.batch_size=256"]


def start(out):
    command = [sys.executable, "-m", "keras_senet.cli", *TINY, "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_table_from_the_command_line(tmp_path):
    process = start(tmp_path)
    run_folder = tmp_path / "C3-small-digits" / "se-senet-154" / "seed0"
    log = run_folder.with_name("seed0.log")
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    # Stopped while TensorFlow is imported: nothing is there yet.
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    process = start(tmp_path)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "18.68" in printed
    assert "17.28" in printed
    record = json.loads((run_folder / "record.json").read_text())
    larger = json.loads(run_folder.with_name("seed0-at-24.json").read_text())
    rows = json.loads((run_folder.parents[1] / "table.json").read_text())["rows"]
    for row, metrics in zip(rows, (record["metrics"], larger["metrics"]), strict=True):
        assert row["with_se"]["runs"][0]["top1"] == metrics["test"]["top1"]
        assert metrics["test"]["count"] == 359
