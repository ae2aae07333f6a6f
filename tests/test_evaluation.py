import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_senet.evaluation.accuracy import measure


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 40), batch=st.integers(1, 9), seed=st.integers(0, 99))
def test_equals_scikit_learn_at_any_batch_size(count, batch, seed):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 7, count)
    probabilities = rng.dirichlet(np.ones(7), count)
    missing = -count % batch
    rows = np.concatenate([np.arange(count), np.zeros(missing, int)])
    weights = np.concatenate([np.ones(count), np.zeros(missing)])
    batches = [
        (
            probabilities[rows[i : i + batch]],
            labels[rows[i : i + batch]],
            weights[i:][:batch],
        )
        for i in range(0, len(rows), batch)
    ]
    result = measure(lambda images: images, batches)
    every = np.arange(7)
    assert result.count == count
    assert result.top1 == (probabilities.argmax(1) == labels).sum()
    assert result.top5 == metrics.top_k_accuracy_score(
        labels, probabilities, k=5, labels=every, normalize=False
    )
    assert result.cross_entropy == pytest.approx(
        metrics.log_loss(labels, probabilities, labels=every)
    )
    assert str(result).endswith(f"({result.top1} of {count})")


def test_ties_go_to_the_lower_index():
    uniform = np.full((3, 10), 0.1)
    result = measure(lambda x: x, [(uniform, np.array([0, 4, 5]), np.ones(3))])
    assert (result.top1, result.top5) == (1, 2)


def test_bad_predictions():
    with pytest.raises(ValueError, match="finite"):
        measure(lambda x: x, [(np.full((1, 3), np.nan), np.array([0]), np.ones(1))])
    with pytest.raises(ValueError, match="no images"):
        measure(lambda x: x, [])
