"""Mixed images and soft labels, recomputed in NumPy."""

import functools

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from keyed import check_pure, over_keys

    from keras_senet.data.mixing import mix, smooth

COUNT = 64


def batch(size=16, count=COUNT):
    """Noise that shows whose pixel it is, and one class for each image."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, size, size, 3), "uint8")
    return images, np.eye(count, dtype="float32")


def owners(labels):
    """(weight of its own, partner) of each image; those with itself have none."""
    for number, row in enumerate(labels):
        others = np.flatnonzero(np.delete(row, number))
        assert len(others) <= 1
        partner = number if len(others) == 0 else others[0] + (others[0] >= number)
        yield number, row[number], partner


@pytest.mark.parametrize("size", [32, pytest.param(224, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "alphas", [{"mixup": 0.2}, {"cutmix": 1.0}, {"mixup": 0.2, "cutmix": 1.0}]
)
def test_same_key_same_batch_and_others_otherwise(alphas, size):
    change = functools.partial(mix, **alphas)
    distinct, spec = check_pure(change, batch(size, 8), count=8)
    assert distinct == 8
    dtype = tf.float32 if "mixup" in alphas else tf.uint8
    assert spec == (
        tf.TensorSpec((8, size, size, 3), dtype),
        tf.TensorSpec((8, 8), tf.float32),
    )


def test_mixup_mixes_pixels_as_labels():
    images, labels = batch()
    mixed, soft = (x.numpy() for x in mix(images, labels, (1, 2), mixup=1.0))
    assert mixed.dtype == soft.dtype == "float32"
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    partners = []
    for number, own, partner in owners(soft):
        expected = own * images[number] + (1 - own) * images[partner].astype("float64")
        np.testing.assert_allclose(mixed[number], expected, atol=1e-3)
        partners.append(partner)
    assert len(set(partners)) == COUNT
    assert sum(np.arange(COUNT) == partners) < 6


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_weights_of_mixup_have_the_beta_distribution(alpha):
    labels = np.eye(2048, dtype="float32")
    images = np.zeros((2048, 1, 1, 1), "uint8")
    # An image that is its own partner has a weight of one.
    own = np.diag(mix(images, labels, (1, 2), mixup=alpha)[1].numpy())
    expected = np.random.default_rng(0).beta(alpha, alpha, 10**6)
    assert abs(own.mean() - 0.5) < 0.03
    assert abs(own.std() - expected.std()) < 0.02
    quantiles = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(
        np.quantile(own, quantiles), np.quantile(expected, quantiles), atol=0.06
    )


def test_the_smallest_alphas_still_give_numbers():
    images, labels = batch(4)
    for alphas in ({"mixup": 1e-3}, {"cutmix": 1e-3}):
        for _, soft in over_keys(
            functools.partial(mix, **alphas), (images, labels), 20
        ):
            np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("size", [5, 32])
def test_labels_of_cutmix_have_the_share_of_pixels_that_were_replaced(size):
    images, labels = batch(size)
    for mixed, soft in over_keys(
        functools.partial(mix, cutmix=1.0), (images, labels), 5
    ):
        assert (mixed.dtype, soft.dtype) == ("uint8", "float32")
        np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
        for number, own, partner in owners(soft):
            theirs = (mixed[number] != images[number]).any(axis=-1)
            rows, columns = theirs.any(axis=1), theirs.any(axis=0)
            expected = np.where(
                np.outer(rows, columns)[..., None], images[partner], images[number]
            )
            np.testing.assert_array_equal(mixed[number], expected)
            share = rows.sum() * columns.sum() / size**2
            np.testing.assert_allclose(own, 1 - share, atol=1e-6)


def paper_shares(size, count):
    """Replaced area of `rand_bbox` in the code of CutMix's authors."""
    rng = np.random.default_rng(0)
    cut = (size * np.sqrt(1 - rng.uniform(size=count))).astype(int)
    area = 1
    for center in rng.integers(size, size=(2, count)):
        low = np.clip(center - cut // 2, 0, size)
        area = area * (np.clip(center + cut // 2, 0, size) - low)
    return area / size**2


def test_areas_of_cutmix_are_distributed_as_those_of_its_authors():
    images, labels = batch(64)
    results = over_keys(functools.partial(mix, cutmix=1.0), (images, labels), 16)
    shares = np.concatenate(
        [[1 - own for i, own, j in owners(soft) if i != j] for _, soft in results]
    )
    expected = paper_shares(64, 10**5)
    assert abs(shares.mean() - expected.mean()) < 0.03
    quantiles = [0.1, 0.3, 0.5, 0.7, 0.9]
    np.testing.assert_allclose(
        np.quantile(shares, quantiles), np.quantile(expected, quantiles), atol=0.06
    )


def test_with_both_the_key_chooses_one_for_the_batch():
    images, labels = batch(8, 16)
    both = functools.partial(mix, mixup=1.0, cutmix=1.0)
    blends = 0
    for mixed, _ in over_keys(both, (images, labels), 200):
        assert mixed.dtype == "float32"
        # A patch leaves every number that of one of the images.
        blends += bool((mixed % 1).any())
    assert abs(blends - 100) < 4 * np.sqrt(200 / 4)


def test_smoothed_labels_are_those_of_szegedy_and_keras():
    smoothed = smooth(np.array([2, 0]), classes=4, smoothing=0.1).numpy()
    assert smoothed.dtype == "float32"
    expected = [[0.025, 0.025, 0.925, 0.025], [0.925, 0.025, 0.025, 0.025]]
    np.testing.assert_allclose(smoothed, expected, atol=1e-7)
    outputs = np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]], "float32")
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    plain = keras.losses.CategoricalCrossentropy()
    onehot = smooth([2, 0], classes=4, smoothing=0)
    np.testing.assert_allclose(plain(smoothed, outputs), loss(onehot, outputs), 1e-6)


@pytest.mark.parametrize("alphas", [{}, {"mixup": -1.0}, {"mixup": 1, "cutmix": -1}])
def test_refused_alphas(alphas):
    with pytest.raises(ValueError, match="should be positive, or one of them 0"):
        mix(*batch(4), (1, 2), **alphas)


def test_refused_smoothing():
    with pytest.raises(ValueError, match=r"Received: smoothing=1\.5"):
        smooth([0], classes=2, smoothing=1.5)
