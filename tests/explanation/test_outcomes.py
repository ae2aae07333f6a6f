"""Two models on the same images, by hand and by scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_senet.explanation.outcomes import Outcomes, change, outcomes

metrics = pytest.importorskip("sklearn.metrics")


def of(right, losses=None):
    right = np.array(right, bool)
    return Outcomes(
        right=right, cross_entropy=np.zeros(len(right)) if losses is None else losses
    )


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 30), batch=st.integers(1, 7), seed=st.integers(0, 99))
def test_every_image_is_noted_in_its_order(count, batch, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    answers = rng.dirichlet(np.ones(4), count)
    rows = np.concatenate([np.arange(count), np.zeros(-count % batch, int)])
    weights = (np.arange(len(rows)) < count).astype("float32")
    batches = [
        (answers[rows[i : i + batch]], labels[rows[i : i + batch]], weights[i:][:batch])
        for i in range(0, len(rows), batch)
    ]
    found = outcomes(lambda images: images, batches)
    right = metrics.accuracy_score(labels, answers.argmax(1), normalize=False)
    assert found.right.sum() == right
    np.testing.assert_array_equal(found.right, answers.argmax(1) == labels)
    assert found.cross_entropy.mean() == pytest.approx(
        metrics.log_loss(labels, answers, labels=range(4))
    )


@pytest.mark.parametrize(
    ("lost", "won", "p_value"),
    [
        (0, 0, 1.0),
        # Both tails of a fair coin, of as many throws as there are disagreements.
        (3, 0, 2 / 2**3),
        (0, 6, 2 / 2**6),
        (1, 5, 2 * (1 + 6) / 2**6),
        (2, 2, 1.0),
        (10, 2, 2 * sum(math.comb(12, k) for k in range(3)) / 2**12),
    ],
)
def test_mcnemar_by_counting(lost, won, p_value):
    before = of([True] * lost + [False] * won + [True, True, False])
    after = of([False] * lost + [True] * won + [True, True, False])
    found = change(before, after)
    assert (found.lost, found.won, found.count) == (lost, won, lost + won + 3)
    assert found.p_value == pytest.approx(p_value)
    assert found.points == pytest.approx(100 * (won - lost) / (lost + won + 3))
    assert found.right == won + 2


def test_the_cross_entropy_is_compared_image_by_image():
    before = of([True, True], np.array([0.5, 1.0]))
    after = of([True, True], np.array([0.75, 2.0]))
    assert change(before, after).cross_entropy == pytest.approx(0.625)


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="5 and 4 images"):
        change(of([True] * 5), of([True] * 4))
    with pytest.raises(ValueError, match="no images"):
        outcomes(lambda x: x, [])
    with pytest.raises(ValueError, match="finite"):
        outcomes(lambda x: x, [(np.full((1, 2), np.nan), np.array([0]), np.ones(1))])
