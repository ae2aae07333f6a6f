import itertools
import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_senet.evaluation.answers import answers
from keras_senet.evaluation.metrics import metrics
from keras_senet.evaluation.mistakes import Mistakes

CLASSES = 7


def drawn(count, seed, classes=CLASSES):
    """Labels, probabilities and pictures; some probabilities are equal."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), count).round(2)
    probabilities += 1e-9
    probabilities /= probabilities.sum(1, keepdims=True)
    pictures = rng.integers(0, 256, (count, 2, 2, 3), "uint8")
    return rng.integers(0, classes, count), probabilities, pictures


def batched(labels, images, sizes):
    """Batches of any sizes, with padding at the end of each."""
    start = 0
    for size, padding in sizes:
        part = slice(start, start + size)
        yield (
            np.concatenate([images[part], np.zeros_like(images[:1])[[0] * padding]]),
            np.concatenate([labels[part], np.zeros(padding, int)]),
            np.concatenate([np.ones(len(labels[part])), np.zeros(padding)]),
        )
        start += size


def calibration_error(probabilities, labels, bins=15):
    """Guo et al., eq. 3, bin by bin."""
    confidence, best = probabilities.max(1), probabilities.argmax(1)
    edges = np.linspace(0, 1, bins + 1)
    error = 0.0
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = (best == labels)[inside].mean() - confidence[inside].mean()
            error += inside.mean() * abs(gap)
    return error


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1),
    seed=st.integers(0, 99),
)
def test_equals_scikit_learn_however_batches_are_cut(sizes, seed):
    sklearn = pytest.importorskip("sklearn.metrics")
    count = sum(size for size, _ in sizes)
    labels, probabilities, _ = drawn(count, seed)
    found = metrics(lambda x: x, batched(labels, probabilities, sizes))
    every, best = np.arange(CLASSES), probabilities.argmax(1)
    assert found.accuracy.count == count
    assert found.accuracy.top1 == sklearn.accuracy_score(labels, best, normalize=False)
    assert found.accuracy.cross_entropy == pytest.approx(
        sklearn.log_loss(labels, probabilities, labels=every)
    )
    occurring = np.union1d(labels, best)
    assert found.outputs == tuple(occurring)
    confusion = sklearn.confusion_matrix(labels, best, labels=every)
    np.testing.assert_array_equal(
        found.confusion, confusion[np.ix_(occurring, occurring)]
    )
    assert found.confusion.dtype == np.int64
    assert found.calibration.count.sum() == count
    assert found.calibration.mean_confidence == pytest.approx(
        probabilities.max(1).mean()
    )
    assert found.calibration.expected_error == pytest.approx(
        calibration_error(probabilities, labels), abs=1e-12
    )
    recalls = sklearn.recall_score(
        labels, best, labels=occurring, average=None, zero_division=np.nan
    )
    shares = [row["accuracy"] for row in found.classes()]
    np.testing.assert_allclose(np.array(shares, float), recalls)


def test_top_5_is_that_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 9, 200), rng.dirichlet(np.ones(9), 200)
    found = metrics(lambda x: x, [(probabilities, labels, np.ones(200))])
    assert found.accuracy.top5 == sklearn.top_k_accuracy_score(
        labels, probabilities, k=5, normalize=False
    )


def test_confidence_at_an_edge_belongs_to_the_bin_below():
    # 9/15 is the upper edge of the ninth bin, and 1 that of the last.
    probabilities = np.array([[9 / 15, 6 / 15], [1.0, 0.0], [0.5, 0.5]])
    found = metrics(lambda x: x, [(probabilities, np.array([0, 1, 1]), np.ones(3))])
    assert np.flatnonzero(found.calibration.count).tolist() == [7, 8, 14]
    assert found.calibration.right.tolist()[8] == 1
    assert found.calibration.expected_error == pytest.approx((0.4 + 1 + 0.5) / 3)


def test_a_few_classes_of_many_have_a_small_table():
    probabilities = np.zeros((4, 1000))
    probabilities[range(4), [7, 7, 500, 999]] = 1
    labels = np.array([7, 500, 500, 500])
    names = [f"class {i}" for i in range(1000)]
    found = metrics(lambda x: x, [(probabilities, labels, np.ones(4))], names)
    assert found.class_names == ("class 7", "class 500", "class 999")
    assert found.confusion.tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 0]]
    rows = found.classes()
    assert [row["accuracy"] for row in rows] == [1, 1 / 3, None]
    assert [row["predicted"] for row in rows] == [2, 1, 1]


def test_all_of_it_is_plain_json():
    labels, probabilities, _ = drawn(50, 0)
    found = metrics(lambda x: x, [(probabilities, labels, np.ones(50))])
    told = json.loads(json.dumps(found.to_dict()))
    assert told == found.to_dict()
    assert {key: told[key] for key in asdict(found.accuracy)} == asdict(found.accuracy)
    bins = told["calibration"]["bins"]
    assert len(bins) == 15
    assert sum(each["count"] for each in bins) == 50
    assert bins[0]["accuracy"] is None


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1),
    seed=st.integers(0, 99),
    keep=st.integers(0, 5),
)
def test_the_worst_mistakes_are_kept_with_their_pictures(sizes, seed, keep):
    count = sum(size for size, _ in sizes)
    labels, probabilities, pictures = drawn(count, seed)
    found = Mistakes(keep)
    for each in answers(
        lambda rows: probabilities[rows],
        batched(labels, np.arange(count), sizes),
        lambda rows: pictures[rows],
    ):
        found.add(each)
    best = probabilities.argmax(1)
    wrong = np.flatnonzero(best != labels)
    order = sorted(wrong, key=lambda i: (-probabilities[i].max(), i))[:keep]
    # An image's place counts the padding before it.
    before = np.concatenate([np.full(s, i) for i, (s, _) in enumerate(sizes)])
    padded = np.cumsum([0] + [padding for _, padding in sizes])[before]
    assert [x.index for x in found.worst()] == [i + padded[i] for i in order]
    for mistake, i in zip(found.worst(), order, strict=True):
        assert (mistake.label, mistake.predicted) == (labels[i], best[i])
        assert mistake.probability == probabilities[i].max()
        assert mistake.label_probability == probabilities[i, labels[i]]
        np.testing.assert_array_equal(mistake.image, pictures[i])
