import subprocess
import sys
import tracemalloc
import weakref

import keras
import numpy as np
import pytest
from gate_networks import as_images, padded, transparent
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_senet
from keras_senet.evaluation.excitation import gate_vectors, measure_gates

BLOCK = "stage2_block1_se"
NAMES = ("a", "b", "c", "d", "empty")


def whole(images, labels):
    return [(images, labels, np.ones(len(images)))]


def gate_by_hand(features, block):
    """Equations 2 and 3 of the paper."""
    w1, b1, w2, b2 = (keras.ops.convert_to_numpy(w) for w in block.weights)
    hidden = np.maximum(features.mean(axis=(1, 2)) @ w1 + b1, 0)
    return 1 / (1 + np.exp(-(hidden @ w2 + b2)))


def test_a_network_against_numpy():
    random = np.random.default_rng(0)
    network = keras_senet.SEResNet20()
    for weight in network.weights:
        if weight.name.endswith("_bias"):
            weight.assign(random.normal(size=weight.shape))
    images = random.normal(size=(7, 32, 32, 3)).astype("float32")
    labels = np.array([1, 0, 1, 1, 3, 0, 3])
    # Nested, as a fine-tuned run may have it.
    inputs = keras.Input((32, 32, 3))
    nested = keras.Model(inputs, network(keras.layers.Rescaling(0.5)(inputs)))
    found = measure_gates(nested, padded(2 * images, labels, [3, 4]), NAMES)
    assert found.images.tolist() == [2, 3, 0, 2, 0]
    assert found.missing_classes == ("c", "empty")
    assert len(found.blocks) == 9
    for name, block in found.blocks.items():
        layer = network.get_layer(name.removeprefix(f"{network.name}/"))
        before = keras.Model(network.input, layer.input).predict_on_batch(images)
        expected = gate_by_hand(before.astype("float64"), layer)
        for index in (0, 1, 3):
            rows = expected[labels == index]
            np.testing.assert_allclose(block.mean[index], rows.mean(0), atol=2e-6)
            np.testing.assert_allclose(block.deviation[index], rows.std(0), atol=2e-6)
        assert np.isnan(block.mean[[2, 4]]).all()
        np.testing.assert_allclose(block.overall_mean, expected.mean(0), atol=2e-6)
        np.testing.assert_allclose(block.highest, expected.max(0), atol=2e-6)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    seed=st.integers(0, 999),
)
def test_equals_numpy_however_batches_are_cut(sizes, seed):
    random = np.random.default_rng(seed)
    # A large mean and a small deviation: what sums of squares get wrong.
    gates = (100 + random.normal(size=(sum(sizes), 3))).astype("float32")
    labels = random.integers(0, 4, len(gates))
    found = measure_gates(MODEL, padded(as_images(gates), labels, sizes), NAMES)
    block, gates = found.blocks[BLOCK], gates.astype("float64")
    assert found.images.tolist() == np.bincount(labels, minlength=5).tolist()
    for index in np.unique(labels):
        rows = gates[labels == index]
        np.testing.assert_allclose(block.mean[index], rows.mean(0), rtol=1e-13)
        np.testing.assert_allclose(block.deviation[index], rows.std(0), atol=1e-11)
    np.testing.assert_allclose(block.overall_mean, gates.mean(0), rtol=1e-13)
    np.testing.assert_allclose(block.overall_deviation, gates.std(0), atol=1e-11)
    np.testing.assert_array_equal(block.lowest, gates.min(0))
    np.testing.assert_array_equal(block.highest, gates.max(0))
    # The identity of the analysis of variance.
    np.testing.assert_allclose(
        block.between + block.within, gates.var(0), rtol=1e-9, atol=1e-12
    )


MODEL = transparent()


def test_variances_give_the_f_statistic_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [5, 9, 30])
    gates = random.normal(labels[:, np.newaxis] * [0.0, 1.0, 9.0], 1.0).astype("f4")
    found = measure_gates(MODEL, whole(as_images(gates), labels), "abc")
    block = found.blocks[BLOCK]
    groups = [gates[labels == index].astype("float64") for index in range(3)]
    f = (block.between / (3 - 1)) / (block.within / (len(labels) - 3))
    np.testing.assert_allclose(f, stats.f_oneway(*groups).statistic, rtol=1e-9)
    shares = block.between / gates.astype("float64").var(0)
    assert block.share_between == pytest.approx(shares.mean())
    assert shares[0] < 0.2 < 0.9 < shares[2]


def test_shares_at_their_ends():
    """A gate that is the class, one that is constant, and one that ignores it."""
    labels = np.array([0, 0, 1, 1])
    gates = np.array([[0.1, 0.7, 0.0], [0.1, 0.7, 1.0], [0.3, 0.7, 0.0], [0.3, 0.7, 1]])
    block = measure_gates(MODEL, whole(as_images(gates), labels), "ab").blocks[BLOCK]
    assert block.share_between == pytest.approx(1 / 3, abs=1e-12)
    assert block.between[1] == block.within[1] == 0
    alone = measure_gates(MODEL, whole(as_images(gates), 0 * labels), "ab")
    assert alone.blocks[BLOCK].share_between == 0


def test_saturation_closed_channels_and_summary():
    gates = np.array([[0.01, 0.2, 1.0], [0.04, 0.05, 0.951], [0.049, 0.0, 0.95]])
    labels = np.array([0, 2, 2])
    found = measure_gates(MODEL, whole(as_images(gates), labels), "abc")
    block = found.blocks[BLOCK]
    # In float32 0.05 is a little more, and 0.95 a little less.
    assert (block.near_zero, block.near_one) == (4, 2)
    assert block.share_near_zero == pytest.approx(4 / 9)
    assert found.closed_channels()[BLOCK].tolist() == [0]
    assert found.closed_channels(0.01)[BLOCK].tolist() == []
    (row,) = found.summary()
    assert row["block"] == BLOCK and row["channels"] == 3
    assert row["near_one"] == pytest.approx(2 / 9)
    assert row["mean"] == pytest.approx(gates.mean(), rel=1e-6)
    assert {type(value) for value in row.values()} == {str, int, float}
    np.testing.assert_allclose(found.mean_gates()[BLOCK], gates.mean(0), rtol=1e-6)
    wide = measure_gates(
        MODEL, whole(as_images(gates), labels), "abc", near_zero=0.5, near_one=0.99
    )
    assert (wide.blocks[BLOCK].near_zero, wide.blocks[BLOCK].near_one) == (6, 1)


@pytest.mark.parametrize("nested", [False, True])
def test_blocks_without_squeeze_count_by_their_mean(nested):
    maps = keras.Input((4, 5, 2))
    first = keras.layers.Permute((3, 1, 2))(maps)
    block = keras_senet.SqueezeExcite(
        1, squeeze=None, data_format="channels_first", name="first"
    )
    after = keras.layers.Permute((2, 3, 1))(block(first))
    last = keras_senet.SqueezeExcite(1, squeeze=None, name="last")
    model = keras.Model(maps, last(after))
    if nested:
        inputs = keras.Input((4, 5, 2))
        model = keras.Model(inputs, model(inputs))
    images = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype("float32")
    found = gate_vectors(model).predict_on_batch(images)
    assert [name.split("/")[-1] for name in found] == ["first", "last"]
    moved = keras.ops.convert_to_tensor(np.moveaxis(images, -1, 1))
    gates = keras.ops.convert_to_numpy(block.compute_gate(moved))
    vectors = list(found.values())
    np.testing.assert_allclose(vectors[0], gates.mean(axis=(2, 3)), rtol=1e-5)
    x = keras.ops.convert_to_tensor(np.moveaxis(gates, 1, -1) * images)
    gates = keras.ops.convert_to_numpy(last.compute_gate(x))
    np.testing.assert_allclose(vectors[1], gates.mean(axis=(1, 2)), rtol=1e-5)


def test_all_blocks_in_one_pass_and_chosen_ones(monkeypatch):
    images = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype("float32")
    labels = np.arange(4)
    passes = []
    once = keras.Model.predict_on_batch
    monkeypatch.setattr(
        keras.Model,
        "predict_on_batch",
        lambda self, x: passes.append(len(x)) or once(self, x),
    )
    network = keras_senet.SEResNet20()
    batches = padded(images, labels, [2, 2])
    every = measure_gates(network, batches, NAMES)
    assert passes == [4, 4]
    name = "stage3_block2_se"
    one = measure_gates(network, padded(images, labels, [4]), NAMES, blocks=[name])
    assert list(one.blocks) == [name]
    np.testing.assert_allclose(
        one.blocks[name].mean, every.blocks[name].mean, atol=1e-6
    )


def test_refuses_in_words():
    images = as_images(np.ones((2, 3)))
    for labels, message in (
        ([0, 5], "indices of the 5 classes. Received: the label 5"),
        ([-1, 0], "Received: the label -1"),
        ([0.0, 1.0], "Labels should be integers"),
        ([[0], [1]], r"labels of shape \(2, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            measure_gates(MODEL, whole(images, np.array(labels)), NAMES)
    with pytest.raises(ValueError, match="no images"):
        measure_gates(MODEL, [(images, np.array([0, 1]), np.zeros(2))], NAMES)
    with pytest.raises(ValueError, match=f"{BLOCK} should be finite"):
        measure_gates(MODEL, whole(images * np.nan, np.array([0, 1])), NAMES)
    with pytest.raises(ValueError, match=f"Did you mean {BLOCK}"):
        measure_gates(MODEL, [], NAMES, blocks=["stage2_block7_se"])
    with pytest.raises(ValueError, match="at least one block"):
        measure_gates(MODEL, [], NAMES, blocks=[])


class Followed(np.ndarray):
    """An array that can be followed by a weak reference."""


def test_keeps_no_batch():
    alive = []

    def batches(count):
        for _ in range(count):
            # The loop still holds the batch before this one.
            assert sum(reference() is not None for reference in alive) <= 1
            images = np.zeros((500, 8, 8, 3), "float32").view(Followed)
            alive.append(weakref.ref(images))
            yield images, np.arange(500), np.ones(500)

    names = [str(index) for index in range(500)]
    measure_gates(MODEL, batches(2), names)
    tracemalloc.start()
    measure_gates(MODEL, batches(5), names)
    few = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    measure_gates(MODEL, batches(25), names)
    many = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Twenty batches more take 7.7 MB.
    assert many - few < 1_000_000


STREAM = """
import resource
import keras
import numpy as np
import keras_senet
from keras_senet.evaluation.excitation import measure_gates

x = inputs = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(1024, 8, activation="relu")(x)
for index in range(3):
    x = keras_senet.SqueezeExcite(name=f"se{index}")(x)
model = keras.Model(inputs, x)
peaks = []

def batches():
    random = np.random.default_rng(0)
    for _ in range(200):
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        images = random.normal(size=(500, 8, 8, 3)).astype("float32")
        yield images, random.integers(0, 1000, 500), np.ones(500)

found = measure_gates(model, batches(), [str(index) for index in range(1000)])
assert found.count == 100_000 and not found.missing_classes
found.summary()
peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[1], peaks[10], peaks[-1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kilobytes, on Linux")
def test_a_hundred_thousand_images_stay_under_a_gigabyte():
    done = subprocess.run(
        [sys.executable, "-c", STREAM], capture_output=True, text=True, check=True
    )
    first, tenth, last = (int(x) / 2**20 for x in done.stdout.split())
    print(f"peak after 1 batch {first:.3f} GB, 10 {tenth:.3f}, 200 {last:.3f}")
    # The statistics of 1000 classes and 3072 channels take 0.05 GB of it.
    assert last - first < 0.3
    # And none of it grows with the number of images.
    assert last - tenth < 0.1
