"""What blocks cost, by NumPy on a network that is one line of it."""

import itertools

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.errors import InputError
from keras_senet.evaluation.excitation import measure_gates
from keras_senet.explanation.advice import Study, advise

pytestmark = pytest.mark.usefixtures("only_tensorflow")
pytest.importorskip("scipy")
CHANNELS, CLASSES, COUNT = 4, 3, 120


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Hand:
    """Images -> convolution -> two blocks -> mean -> dense, and the same in NumPy."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(COUNT, 3, 3, CHANNELS)).astype("float32")
        self.x += rng.normal(size=(COUNT, 1, 1, CHANNELS)).astype("float32")
        self.kernel = rng.normal(size=(CHANNELS, CHANNELS))
        # The second block's gates are constant, and the first one's are not.
        self.blocks = {
            name: [rng.normal(size=(4, 2)) * 3, np.zeros(2), second, bias]
            for name, second, bias in (
                ("one", rng.normal(size=(2, 4)) * 3, rng.normal(size=4)),
                ("two", np.zeros((2, 4)), rng.normal(size=4)),
            )
        }
        self.dense = [rng.normal(size=(CHANNELS, CLASSES)), np.zeros(CLASSES)]
        self.model = self.built()
        self.labels = self.logits({}).argmax(1)
        # Some images are wrong from the beginning.
        self.labels[::10] = (self.labels[::10] + 1) % CLASSES

    def built(self):
        inputs = keras.Input((3, 3, CHANNELS))
        conv = keras.layers.Conv2D(CHANNELS, 1, use_bias=False)
        x = conv(inputs)
        made = {}
        for name in self.blocks:
            made[name] = keras_senet.SqueezeExcite(units=2, name=name)
            x = made[name](x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        dense = keras.layers.Dense(CLASSES, activation="softmax")
        model = keras.Model(inputs, dense(x))
        conv.set_weights([self.kernel[None, None]])
        for name, layer in made.items():
            layer.set_weights(self.order(self.blocks[name], layer))
        dense.set_weights(self.dense)
        return model

    @staticmethod
    def order(arrays, layer):
        names = ("reduce_kernel", "reduce_bias", "expand_kernel", "expand_bias")
        named = dict(zip(names, arrays, strict=True))
        return [named[weight.name] for weight in layer.weights]

    def gates(self, constant):
        z = self.x.mean(axis=(1, 2)) @ self.kernel
        found = {}
        for name, (first, one, second, two) in self.blocks.items():
            gate = sigmoid(np.maximum(z @ first + one, 0) @ second + two)
            if name in constant:
                gate = np.broadcast_to(constant[name], gate.shape)
            found[name] = gate
            z = z * gate
        return found, z

    def logits(self, constant):
        return self.gates(constant)[1] @ self.dense[0]

    def batches(self):
        for start in range(0, COUNT, 50):
            x, y = self.x[start : start + 50], self.labels[start : start + 50]
            missing = 50 - len(x)
            x = np.concatenate([x, np.zeros((missing, *x.shape[1:]), "float32")])
            weights = np.arange(50) < len(y)
            y = np.concatenate([y, np.zeros(missing, int)])
            yield x, y, weights.astype("float32")


@pytest.fixture(scope="module")
def hand():
    return Hand()


@pytest.fixture(scope="module")
def means(hand):
    names = [str(i) for i in range(CLASSES)]
    return measure_gates(hand.model, hand.batches(), names).mean_gates()


@pytest.fixture(scope="module")
def study(hand, means):
    return Study(hand.model, hand.batches, means)


@pytest.mark.parametrize("blocks", [["one"], ["two"], ["one", "two"]])
@pytest.mark.parametrize("constant", [True, False])
def test_costs_are_those_by_hand(hand, means, study, blocks, constant):
    own, _ = hand.gates({})
    for name in means:
        np.testing.assert_allclose(means[name], own[name].mean(axis=0), rtol=1e-5)
    values = {x: own[x].mean(axis=0) if constant else 1.0 for x in blocks}
    before = hand.logits({}).argmax(1) == hand.labels
    after = hand.logits(values).argmax(1) == hand.labels
    cost = study.cost(blocks, constant=constant)
    found = cost.change
    assert found.count == COUNT
    assert found.right == after.sum()
    assert found.lost == (before & ~after).sum()
    assert found.won == (~before & after).sum()
    # Two matrices and two biases of a block: 8 + 2 + 8 + 4.
    assert cost.parameters == 22 * len(blocks)
    assert cost.share == cost.parameters / hand.model.count_params()
    assert cost.scales == ()


def test_the_block_that_does_nothing_is_found(hand, study):
    told = []
    advice = advise(study, may_lose=0, told=told.append, held_out=hand.batches)
    assert advice.count == COUNT
    assert advice.right == COUNT - 12
    assert advice.constant["one"].change.lost > 0
    assert advice.constant["two"].change.lost == advice.constant["two"].change.won == 0
    assert advice.constant["two"].change.cross_entropy == pytest.approx(0, abs=1e-6)
    assert advice.together.blocks == ("two",)
    assert advice.together.parameters == 22
    assert advice.together.ratio.rounds > 0
    # The "other" images are the same ones here.
    assert advice.held_out == advice.together.change
    assert told[:2] == ["one", "two"]


def test_whoever_may_lose_everything_loses_all_blocks(study):
    advice = advise(study, may_lose=100)
    assert advice.together.blocks == ("one", "two")
    assert advice.held_out is None


def test_no_block_can_go_where_each_one_matters(hand, means):
    only = Study(hand.model, hand.batches, {"one": means["one"]})
    assert advise(only, may_lose=0).together is None


def test_bad_arguments(hand, study):
    for points in (-1, 101):
        with pytest.raises(InputError, match="from 0 to 100 points"):
            advise(study, may_lose=points)
    with pytest.raises(InputError, match="no images"):
        Study(hand.model, lambda: itertools.repeat(None, 0), {})
