"""Whole runs, each in a process of its own, as a person starts them."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.cli.train_options import RECIPE_NAMES
from keras_senet.training.recipes import RECIPES

pytestmark = pytest.mark.usefixtures("only_tensorflow")
SMALL = ["--image-size", "8", "--batch-size", "128", "--seed", "5"]


def test_ready_recipes_are_named_in_the_help():
    assert tuple(RECIPES) == RECIPE_NAMES


def cli(*arguments, check=True):
    command = [sys.executable, "-m", "keras_senet.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of three epochs, with what it printed."""
    out = tmp_path_factory.mktemp("runs") / "run"
    done = cli("train", *SMALL, "--epochs", 3, "--out", out)
    return out, done.stdout


def record_of(out):
    return json.loads((out / "record.json").read_text())


def test_folder_record_and_output_agree(run):
    out, printed = run
    names = {"record.json", "history.csv", "curves.png", "best.keras", "last.keras"}
    names |= {"export", "checkpoints", "tensorboard"}
    assert {path.name for path in out.iterdir()} == names
    record = record_of(out)
    assert record["status"] == "finished"
    assert record["recipe"]["schedule"]["epochs"] == len(record["history"]) == 3
    assert record["recipe"]["data"]["image_size"] == 8
    assert record["seed"] == 5
    assert record["versions"]["keras"] == keras.__version__
    assert record["distribution"]["strategy"] is None
    assert record["distribution"]["replicas"] == 1
    data = record["data"]
    assert data["class_names"] == list("0123456789")
    assert (data["train"], data["validation"], data["test"]) == (1259, 179, 359)
    test = record["metrics"]["test"]
    assert test["count"] == 359
    assert test["accuracy"] == test["top1"] / 359
    assert f"Test accuracy {test['accuracy']:.4f} ({test['top1']} of 359)" in printed
    with (out / "history.csv").open(newline="") as file:
        rows = [
            {name: float(x) if x else None for name, x in row.items()}
            for row in csv.DictReader(file)
        ]
    assert rows == record["history"]
    assert all(row["images_per_second"] > 0 for row in rows)
    lines = [line for line in printed.splitlines() if line.startswith("Epoch ")]
    assert len(lines) == 3
    assert f"validation {rows[2]['val_accuracy']:.4f}" in lines[2]
    best = max(row["val_accuracy"] for row in rows)
    validation = record["metrics"]["validation"]
    assert validation["accuracy"] == pytest.approx(best, abs=1e-6)
    assert validation["cross_entropy"] == pytest.approx(
        rows[record["best_epoch"] - 1]["val_cross_entropy"], rel=1e-4
    )


def test_no_phantom_steps_and_models_without_an_optimizer(run):
    out, _ = run
    newest = max(path.name for path in (out / "checkpoints").iterdir())
    assert newest == f"{3 * (1259 // 128):09d}.0003"
    last = keras.models.load_model(out / "last.keras")
    assert not last.compiled
    assert type(last).__name__ == "Functional"
    best = keras.models.load_model(out / "best.keras")
    assert not best.compiled
    assert best.get_layer("predictions").class_names == tuple("0123456789")
    assert best.get_layer("provenance").facts["network"] == "se_resnet20"


def test_models_take_raw_pixels(run):
    out, _ = run
    from keras_senet.data.digits import digits
    from keras_senet.data.pipeline import evaluation_batches

    model = keras.models.load_model(out / "best.keras")
    batches = evaluation_batches(digits().test, size=8, batch_size=359)
    images, labels, _ = next(batches.as_numpy_iterator())
    assert images.max() > 200
    right = (model.predict(images, verbose=0).argmax(-1) == labels).sum()
    assert right == record_of(out)["metrics"]["test"]["top1"]


@pytest.mark.slow
def test_evaluate_repeats_the_accuracy(run):
    out, printed = run
    expected = next(x for x in printed.splitlines() if x.startswith("Test accuracy"))
    assert cli("evaluate", out).stdout.splitlines()[0] == expected


@pytest.mark.slow
def test_export_makes_the_next_version_and_says_how_equal_it_is(run):
    out, printed = run
    assert "on 64 images (test images of digits)" in printed
    told = json.loads((out / "export" / "report.json").read_text())
    report = told["files"]["saved_model/1"]
    assert report["relative_difference"] <= 1e-4
    assert report["accuracy_after"]["count"] == 359
    test = record_of(out)["metrics"]["test"]
    assert report["accuracy_before"]["top1"] == test["top1"]
    labels = (out / "export" / "labels.txt").read_text()
    assert labels.split() == list("0123456789")
    root = out / "export" / "saved_model"
    assert sorted(path.name for path in root.iterdir()) == ["1"]
    done = cli("export", out, "--format", "saved_model")
    assert "saved_model/2" in done.stdout
    assert sorted(path.name for path in root.iterdir()) == ["1", "2"]
    assert (root / "2" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_existing_folder_is_refused_or_overwritten(run, tmp_path):
    out, _ = run
    before = (out / "record.json").read_bytes()
    done = cli("train", *SMALL, "--out", out, check=False)
    assert done.returncode == 2
    assert "exists already" in done.stderr.splitlines()[-1]
    assert "--overwrite" in done.stderr
    assert (out / "record.json").read_bytes() == before
    done = cli("train", "--resume", "--out", out, check=False)
    assert done.returncode == 2
    assert "is finished" in done.stderr
    (tmp_path / "precious.txt").write_text("mine")
    (tmp_path / "record.json").write_bytes(before)
    done = cli("train", "--overwrite", "--out", tmp_path, check=False)
    assert done.returncode == 2
    assert "precious.txt" in done.stderr
    assert (tmp_path / "precious.txt").exists()


@pytest.mark.slow
def test_two_replicas_compute_what_one_does(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    # Small steps, since large ones amplify the rounding of another summation.
    options = [*SMALL, "--epochs", 1, "--learning-rate", "1e-3", "--no-export"]
    options += ["--overwrite", "--out"]
    two.mkdir()
    cli("train", *options, one)
    cli("train", *options, two, "--devices", 2)
    record = record_of(two)
    assert record["distribution"]["strategy"] == "MirroredStrategy"
    assert record["distribution"]["replicas"] == 2
    assert record["distribution"]["synchronized_batch_norm"]
    assert record["metrics"]["test"]["count"] == 359
    # The model that was saved is the one that was validated.
    assert record["metrics"]["validation"]["cross_entropy"] == pytest.approx(
        record["history"][0]["val_cross_entropy"], rel=1e-5
    )
    models = [keras.models.load_model(x / "best.keras") for x in (one, two)]
    for a, b in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-4)


def same(history):
    """A history without what the clock decides."""
    clocked = ("images_per_second", "input_share", "seconds")
    return [{k: v for k, v in row.items() if k not in clocked} for row in history]


@pytest.mark.slow
def test_a_run_killed_before_its_record_is_finished_by_resuming(run, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(run[0], out)
    record = record_of(out)
    (out / "record.json").write_text(json.dumps({**record, "status": "running"}))
    (out / "curves.png").unlink()
    cli("train", "--resume", "--no-export", "--out", out)
    again = record_of(out)
    clocked = {"seconds": 0, "peak_memory": 0}
    assert {**again, **clocked} == {**record, **clocked}
    assert (out / "curves.png").exists()


@pytest.mark.slow
def test_diverging_stops_in_words(tmp_path):
    options = [*SMALL, "--epochs", 2, "--learning-rate", "1e30", "--out"]
    done = cli("train", *options, tmp_path / "run", check=False)
    assert done.returncode == 2
    assert "diverged in epoch 1, step 2: " in done.stderr.splitlines()[-1]
    assert "nothing was saved" in done.stderr
    assert not (tmp_path / "run" / "best.keras").exists()


@pytest.mark.slow
def test_data_that_changed_since_are_refused(run, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(run[0], out)
    record = record_of(out)
    record["data"]["fingerprint"] = "of other data"
    (out / "record.json").write_text(json.dumps(record))
    done = cli("evaluate", out, check=False)
    assert done.returncode == 2
    assert "have changed since" in done.stderr.splitlines()[-1]
    (out / "best.keras").write_bytes(b"PK, but no model")
    record["data"]["fingerprint"] = record_of(run[0])["data"]["fingerprint"]
    (out / "record.json").write_text(json.dumps(record))
    done = cli("evaluate", out, check=False)
    assert done.returncode == 2
    assert "best.keras cannot be loaded" in done.stderr


# Everything that has a state: dropout and stochastic depth draw, weights are averaged,
# the plateau counts, images are mixed.
STATEFUL = (
    "--epochs 4 --regularization.dropout 0.2 --regularization.drop_path 0.1 "
    "--regularization.ema 0.9 --regularization.weight_decay 1e-4 "
    "--schedule.name plateau --schedule.warmup_epochs 0 --schedule.patience 1 "
    "--augmentation modern --checkpoints.minutes 0.002 --no-export"
)


def started(out, *options):
    command = [
        sys.executable,
        "-m",
        "keras_senet.cli",
        "train",
        *SMALL,
        *STATEFUL.split(),
    ]
    return subprocess.Popen(
        [*command, *options, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_checkpoint(out, process, least):
    """Waits until a run has taken some steps and saved them."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        folder = out / "checkpoints"
        saved = list(folder.iterdir()) if folder.exists() else []
        if any(x.name[:1] == "0" and float(x.name) >= least for x in saved):
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate()[1])


@pytest.mark.slow
def test_killed_and_preempted_runs_resume_bit_for_bit(tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    cli("train", *SMALL, *STATEFUL.split(), "--out", whole)
    # In the middle of an epoch of nine steps.
    process = started(stopped)
    wait_for_checkpoint(stopped, process, 4)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert record_of(stopped)["status"] == "running"
    done = cli("train", "--resume", "--out", stopped, "--epochs", 9, check=False)
    assert done.returncode == 2
    assert "another recipe: schedule.epochs=4" in done.stderr
    process = started(stopped, "--resume")
    wait_for_checkpoint(stopped, process, 15)
    process.send_signal(signal.SIGTERM)
    text = process.communicate()[1]
    assert process.returncode == 0
    assert text.splitlines()[-1].endswith(
        f"resume with: keras-senet train --resume --out {stopped}"
    )
    cli("train", "--resume", "--no-export", "--out", stopped)
    assert same(record_of(stopped)["history"]) == same(record_of(whole)["history"])
    assert record_of(stopped)["metrics"] == record_of(whole)["metrics"]
    for name in ("last.keras", "best.keras"):
        models = [keras.models.load_model(x / name) for x in (whole, stopped)]
        for a, b in zip(*(model.weights for model in models), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.slow
def test_unfreezing_goes_on_in_a_new_process_where_there_are_replicas(tmp_path):
    out = tmp_path / "run"
    done = cli(
        *("train", *SMALL, "--devices", 2, "--epochs", 2, "--out", out),
        *("--freeze-until", "head", "--finetuning.unfreeze", "[[1,stage4]]"),
        "--no-export",
    )
    assert "by a new process" in done.stderr
    assert record_of(out)["status"] == "finished"
    assert len(record_of(out)["history"]) == 2
    # The stem has never been trained, and the last stage has.
    keras.utils.set_random_seed(5)
    first = keras_senet.SEResNet20(weights=None, input_shape=(8, 8, 3))
    last = keras.models.load_model(out / "last.keras")
    for layer, changed in (("stem_conv", False), ("stage4_block1_conv1", True)):
        before, after = (x.get_layer(layer).get_weights()[0] for x in (first, last))
        assert np.array_equal(before, after) is not changed


def test_repository_of_runs_is_not_littered(run):
    out, _ = run
    assert not [path for path in Path(out).rglob(".*")]
