"""Several processes: what they are told, and that they compute what one does."""

import json
import os
import shutil
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_senet.errors import InputError
from keras_senet.training.workers import VARIABLE, Workers, announce, announced

pytestmark = pytest.mark.usefixtures("only_tensorflow")


def test_what_is_announced_is_found(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert announced() == Workers(0, 1)
    monkeypatch.setenv(VARIABLE, "")
    announce("a:1, b:2,c:3", 2)
    assert announced() == Workers(2, 3)
    assert not announced().writes
    told = json.loads(os.environ[VARIABLE])
    assert told["cluster"] == {"worker": ["a:1", "b:2", "c:3"]}
    assert told["task"] == {"type": "worker", "index": 2}


@pytest.mark.parametrize(
    ("addresses", "index", "message"),
    [("a", 0, "host:port"), ("a:x", 0, "a:x"), ("a:1", 1, "from 0 to 0"), ("", 0, "h")],
)
def test_bad_addresses(addresses, index, message, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    with pytest.raises(InputError, match=message):
        announce(addresses, index)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, '
        '"task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": 5}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": "abc"}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_bad_announcements(text, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InputError, match=VARIABLE):
        announced()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


SMALL = ["--image-size", "8", "--batch-size", "256", "--seed", "5", "--no-export"]
# Small steps, since large ones amplify the rounding of another summation.
SMALL += ["--learning-rate", "1e-3", "--epochs", "2"]


def together(out, *options):
    """Runs two processes to their ends."""
    addresses = ",".join(f"localhost:{port}" for port in free_ports(2))
    command = [sys.executable, "-m", "keras_senet.cli", "train", *options]
    processes = [
        subprocess.Popen(
            [*command, "--out", str(out), "--workers", addresses, "--worker", str(x)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for x in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [x.returncode for x in processes] == [0, 0], outputs
    return [x[0] for x in outputs]


@pytest.mark.slow
def test_two_processes_compute_what_one_does(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = together(two, *SMALL)
    assert "Test accuracy" in first
    assert not second
    command = [sys.executable, "-m", "keras_senet.cli", "train", *SMALL]
    subprocess.run([*command, "--out", str(one)], check=True, capture_output=True)
    record = json.loads((two / "record.json").read_text())
    assert record["distribution"]["workers"] == 2
    assert record["distribution"]["replicas"] == 2
    assert record["metrics"]["test"]["count"] == 359
    best = record["history"][record["best_epoch"] - 1]
    assert record["metrics"]["validation"]["cross_entropy"] == pytest.approx(
        best["val_cross_entropy"], rel=1e-5
    )
    models = [keras.models.load_model(x / "last.keras") for x in (one, two)]
    for a, b in zip(*(x.trainable_variables for x in models), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
    # And they go on together from a checkpoint, with the second epoch.
    newest = max((two / "checkpoints").iterdir())
    shutil.rmtree(newest)
    (two / "record.json").write_text(json.dumps({**record, "status": "running"}))
    first, _ = together(two, "--resume", "--no-export")
    assert first.count("Epoch ") == 1
    again = keras.models.load_model(two / "last.keras")
    for a, b in zip(again.weights, models[1].weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
