import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit, softmax

from keras_senet.export import parity, runtimes
from keras_senet.export.parity import ParityError

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
LOGITS = np.random.default_rng(0).normal(scale=3, size=(20, 7))


@pytest.fixture
def mean_file(tmp_path):
    """An ONNX file, written by hand, that answers with the mean color."""
    onnx = pytest.importorskip("onnx")
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("ReduceMean", ["images"], ["y"], axes=[1, 2], keepdims=0)
    graph = helper.make_graph(
        [node],
        "mean",
        [helper.make_tensor_value_info("images", number, ["n", 4, 4, 3])],
        [helper.make_tensor_value_info("y", number, ["n", 3])],
    )
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "mean.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_logits_are_recovered_from_probabilities():
    moved = LOGITS + np.where(np.arange(7) == 2, 0.01, 0)[np.newaxis]
    for squash, name in ((softmax, "softmax"), (expit, "sigmoid")):
        kwargs = {"axis": 1} if name == "softmax" else {}
        found = parity.compare(
            squash(LOGITS, **kwargs), squash(moved, **kwargs), "probabilities"
        )
        # The softmax does not see their mean; the spread is that of what it sees.
        centered = LOGITS - LOGITS.mean(axis=1, keepdims=True)
        spread = np.std(centered if name == "softmax" else LOGITS)
        largest = 0.01 * 6 / 7 if name == "softmax" else 0.01
        assert found.relative == pytest.approx(largest / spread, rel=1e-6)
    plain = parity.compare(LOGITS, moved, "logits")
    assert plain.largest == pytest.approx(0.01)
    assert plain.relative == pytest.approx(0.01 / np.std(LOGITS))


def test_probabilities_in_eight_bits_have_no_logits_far_down():
    steps = np.array([[0.99, 0.01, 1e-9], [0.5, 0.5, 1e-9]])
    coarse = np.round(steps * 256) / 256
    found = parity.compare(steps, coarse, "probabilities", parity.LEAST_OF_INTEGERS)
    assert found.relative < 0.1
    assert parity.compare(steps, coarse, "probabilities").relative > 1


def test_agreement_counts_images():
    other = LOGITS.copy()
    other[3] = -other[3]
    assert parity.compare(LOGITS, other, "logits").agreement == 19 / 20
    assert parity.compare(LOGITS, other, "features").agreement is None


def test_what_is_no_answer_is_refused():
    with pytest.raises(ParityError, match=r"shape \(1,\)"):
        parity.compare(np.zeros(2), np.zeros(1), "features")
    with pytest.raises(ParityError, match="exported file's answers are not finite"):
        parity.compare(np.zeros(2), np.array([0, np.nan]), "features")
    with pytest.raises(ParityError, match="Keras model's answers are not finite"):
        parity.compare(np.array([0, np.inf]), np.zeros(2), "features")


def test_limits():
    found = parity.Differences(largest=1.0, relative=2e-4, agreement=0.9)
    parity.check(found, "float32", 1e-3, 0.9)
    with pytest.raises(ParityError, match=r"2\.00e-04 .* more than 1e-04"):
        parity.check(found, "float32", 1e-4, None)
    with pytest.raises(ParityError, match=r"90\.0% of the images, less than 95\.0%"):
        parity.check(found, "int8", None, 0.95)
    # Without classes to agree on, a coarse difference stands for them.
    no_classes = parity.Differences(largest=1.0, relative=0.6, agreement=None)
    with pytest.raises(ParityError, match=r"6\.00e-01 .* more than 5e-01"):
        parity.check(no_classes, "int8", None, 0.95)


def test_sigmoids_near_one_are_compared_as_far_as_they_are_known():
    sure = np.array([[0.2, 1 - 6e-8], [0.9, 0.5]], "float32")
    rounded = np.array([[0.2, 1.0], [0.9, 0.5]], "float32")
    assert parity.compare(sure, rounded, "probabilities").relative < 1e-6
    assert parity.compare(sure, sure - 0.01, "probabilities").relative > 0.01


def test_a_fresh_process_answers(mean_file):
    images = np.random.default_rng(0).uniform(0, 255, (5, 4, 4, 3)).astype("float32")
    found = parity.replay(mean_file, images, repetitions=3)
    np.testing.assert_allclose(found["answers"], images.mean(axis=(1, 2)), rtol=1e-6)
    assert str(found["runtime"]).startswith("ONNX Runtime")
    assert len(found["milliseconds_1"]) == len(found["milliseconds_8"]) == 3


def test_the_process_does_not_know_this_package(mean_file, tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((2, 4, 4, 3), "float32"))
    command = [sys.executable, "-P", "-X", "importtime", runtimes.__file__]
    files = [mean_file, tmp_path / "images.npy", tmp_path / "answers.npz"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *map(str, files)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    imported = {x.rpartition("|")[2].strip() for x in done.stderr.splitlines()}
    assert "onnxruntime" in imported
    assert not imported & {"keras_senet", "keras", "tensorflow"}


def test_a_file_that_cannot_run_is_an_error_in_words(mean_file):
    mean_file.write_bytes(mean_file.read_bytes()[:40])
    with pytest.raises(ParityError, match="cannot be loaded and run"):
        parity.replay(mean_file, np.zeros((1, 4, 4, 3), "float32"))
