"""Training on GPUs (`pytest -m gpu`), and on logical CPU devices as far as it goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")
PROGRAM = Path(__file__).with_name("replica_steps.py")
# What of this also holds on logical CPU devices is told by test_replicas.py, too.
CPU = pytest.param("CPU", marks=[pytest.mark.slow, pytest.mark.rare])
GPU = pytest.param("GPU", marks=pytest.mark.gpu)
MOST = 8


def count(place):
    """How many replicas: a power of two; a skip without GPUs."""
    if place == "CPU":
        return 2
    import tensorflow as tf

    gpus = len(tf.config.list_physical_devices("GPU"))
    if not gpus:
        pytest.skip("TensorFlow finds no GPU")
    return max(n for n in (1, 2, 4, MOST) if n <= gpus)


def several(place):
    replicas = count(place)
    if replicas < 2:
        pytest.skip("there is one GPU only")
    return replicas


def steps(place, weights, **options):
    """What the program saw, the weights it came to, and all it printed."""
    # TensorFloat-32 has ten bits of mantissa, too few to compare by.
    environment = {**os.environ, "NVIDIA_TF32_OVERRIDE": "0", "NCCL_DEBUG": "INFO"}
    if place == "CPU":
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    done = subprocess.run(
        [
            sys.executable,
            str(PROGRAM),
            json.dumps({"weights": str(weights), **options}),
        ],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    with np.load(weights) as file:
        return seen, [file[name] for name in file.files], done.stdout + done.stderr


def assert_close(ours, theirs):
    assert max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)) < 1e-4


@pytest.fixture(scope="module", params=[CPU, GPU])
def one_and_several(request, tmp_path_factory):
    """The same steps on one replica and on several."""
    replicas, folder = several(request.param), tmp_path_factory.mktemp("steps")
    one = steps(request.param, folder / "one.npz")
    return replicas, one, steps(request.param, folder / "more.npz", devices=replicas)


def test_replicas_compute_what_one_does(one_and_several):
    replicas, one, more = one_and_several
    assert (one[0]["replicas"], more[0]["replicas"]) == (1, replicas)
    assert more[0]["strategy"] == "MirroredStrategy"
    # Everything was trained, with statistics: the comparison is not one of nothing.
    assert one[0]["changed"] == more[0]["changed"] > 100
    assert more[0]["loss"] == pytest.approx(one[0]["loss"], rel=1e-4)
    assert_close(one[1], more[1])


def test_each_replica_gets_its_share_of_a_batch(one_and_several):
    replicas, one, more = one_and_several
    assert set(one[0]["shares"]) == {128}
    assert set(more[0]["shares"]) == {128 // replicas}


def test_each_image_counts_once_though_replicas_run_empty(one_and_several):
    _, one, more = one_and_several
    # 352 images and 7, which the first replica has alone.
    assert more[0]["correct"] == pytest.approx(one[0]["correct"], abs=1e-3)
    assert more[0]["correct"] == pytest.approx(round(more[0]["correct"]), abs=1e-3)


@pytest.mark.parametrize("place", [CPU, GPU])
def test_xla_computes_the_same(place, tmp_path):
    count(place)
    # Smaller, since XLA takes long on a CPU.
    options = {"size": 8, "batch_size": 32, "steps": 2}
    plain = steps(place, tmp_path / "plain.npz", **options)
    compiled = steps(place, tmp_path / "xla.npz", jit_compile=True, **options)
    assert compiled[0]["loss"] == pytest.approx(plain[0]["loss"], rel=1e-4)
    assert_close(plain[1], compiled[1])


@pytest.mark.gpu
def test_memory_of_gpus_grows(tmp_path):
    count("GPU")
    seen, _, _ = steps("GPU", tmp_path / "weights.npz", steps=1)
    assert seen["growth"]
    assert all(seen["growth"])


@pytest.mark.gpu
def test_gpus_sum_by_nccl(tmp_path):
    replicas = several("GPU")
    _, _, printed = steps("GPU", tmp_path / "weights.npz", devices=replicas, steps=1)
    assert "NCCL INFO" in printed


@pytest.mark.gpu
def test_float16_trains_grouped_convolutions(tmp_path):
    # Their gradient in float16 fails on a CPU. The scale of the loss falls at first,
    # in steps that change nothing. On several GPUs it is refused.
    seen, weights, _ = steps(
        "GPU",
        tmp_path / "weights.npz",
        devices=min(1, count("GPU")),
        network="SEResNeXt50",
        size=64,
        batch_size=64,
        steps=10,
        precision="mixed_float16",
    )
    assert np.isfinite(seen["loss"])
    assert all(np.isfinite(weight).all() for weight in weights)
    assert seen["changed"] > 300
