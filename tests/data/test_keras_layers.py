"""A user's own Keras layers: the same key, the same image."""

import random
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from keras_senet.errors import InputError

tensorflow_only = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from keyed import check_pure, keyed_map, over_keys

    from keras_senet.data.keras_layers import keyed


def noise(size=32):
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), "uint8")


class Noisy(keras.layers.Layer):
    """A layer as a user would write it; without `get_config`, Keras infers it."""

    def __init__(self, amount=20.0, **kwargs):
        super().__init__(**kwargs)
        self.amount = amount
        # Not an attribute, but within one.
        self.generators = {"noise": [keras.random.SeedGenerator(3)]}

    def call(self, images):
        [generator] = self.generators["noise"]
        shape = keras.ops.shape(images)
        return images + self.amount * keras.random.uniform(shape, -1, 1, seed=generator)


class Does(keras.layers.Layer):
    """Does what a test wants, by name so that it can be copied."""

    def __init__(self, what, **kwargs):
        super().__init__(**kwargs)
        self.what = what

    def call(self, images):
        return DEEDS[self.what](images)


def adapted(layer):
    with tf.init_scope():
        layer.adapt(np.float32([[[[0, 1, 2]]], [[[4, 5, 6]]]]))
    return layer


# No attribute of the layer that draws from it.
HIDDEN = keras.random.SeedGenerator(1)
DEEDS = {
    "hidden": lambda x: x + keras.random.uniform((), seed=HIDDEN),
    "python": lambda x: x + random.random(),
    "numpy": lambda x: x + np.random.normal(),
    "tensorflow": lambda x: x + tf.random.uniform(()),
    "state": lambda x: x + keras.ops.cast(HIDDEN.state, "float32")[0],
    "branch": lambda x: tf.cond(
        x[0, 0, 0, 0] > 3, lambda: x + tf.random.normal(()), lambda: x
    ),
    "global": lambda x: x + keras.random.uniform(()),
    "function": lambda x: tf.numpy_function(lambda y: y, [x], tf.float32),
    "crop": lambda x: x[:, :5],
    "gray": lambda x: x[..., :1],
    "dictionary": lambda x: {"images": x},
    "add 0.4": lambda x: x + 0.4,
    "to 2.6, -9, 300": lambda x: x * 0 + np.float32([2.6, -9, 300]),
}
LAYERS = {
    "rotation": lambda: keras.layers.RandomRotation(0.2),
    "color": lambda: keras.layers.RandomColorJitter((0, 255), 0.2, 0.2, 0.2, 0.2),
    "erasing": lambda: keras.layers.RandomErasing(),
    "list": lambda: [keras.layers.RandomFlip(), keras.layers.RandomContrast(0.3)],
    "sequential": lambda: keras.Sequential(
        [keras.layers.RandomTranslation(0.2, 0.2), Noisy()]
    ),
    "pipeline": lambda: keras.layers.Pipeline([keras.layers.RandomZoom(0.2), Noisy(5)]),
    "own": Noisy,
    "operations": lambda: keras.layers.RandAugment(),
}


@tensorflow_only
@pytest.mark.parametrize("name", LAYERS)
def test_same_key_same_result_and_others_otherwise(name):
    layers = LAYERS[name]()
    distinct, spec = check_pure(keyed(layers), (noise(),))
    # Half of the images keep all their pixels.
    assert distinct == 16 if name != "erasing" else 5 <= distinct <= 14
    assert spec == tf.TensorSpec((32, 32, 3), tf.uint8)
    # In whatever order shapes are seen, as after a run is resumed.
    if name != "operations":
        other, key = noise(24), (5, 6)
        first, second = keyed(layers)(other, key), keyed(layers)
        second(noise(), key)
        np.testing.assert_array_equal(first, second(other, key))


@tensorflow_only
def test_layers_stay_as_they_are():
    layers = [Noisy(), keras.Sequential([keras.layers.RandomFlip(seed=2)])]
    generators = [layers[0].generators["noise"][0], layers[1].layers[0].generator]
    change = keyed(layers)
    for _ in range(2):
        list(keyed_map(change, (noise(),), 3))
    assert [generator.state.numpy().tolist() for generator in generators] == [
        [3, 0],
        [2, 0],
    ]
    [drawn] = {tuple(generator.next().numpy()) for generator in generators[:1]}
    assert drawn == (3, 0)
    assert not layers[1].built


@tensorflow_only
def test_threads_may_use_one_function():
    change = keyed([keras.layers.RandomFlip(), Noisy()])
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: over_keys(change, (noise(),), 4), range(4)))
    for run in runs[1:]:
        np.testing.assert_array_equal(run, runs[0])


@tensorflow_only
def test_each_layer_and_each_draw_has_numbers_of_its_own():
    gray = np.full((32, 32, 3), 128, "uint8")
    once = keyed(Noisy())(gray, (1, 2)).numpy() - 128.0
    twice = keyed([Noisy(), Noisy()])(gray, (1, 2)).numpy() - 128.0
    # Uniform of +-20: a variance of 133 for each draw, 533 if the draws were one.
    assert abs(once.var() - 400 / 3) < 10
    assert abs(twice.var() - 2 * 400 / 3) < 20
    # Seeds of the layers play no part.
    flips = [keyed(keras.layers.RandomFlip(seed=seed)) for seed in (1, 2)]
    for number in range(4):
        pair = [flip(noise(), (1, number)) for flip in flips]
        np.testing.assert_array_equal(*pair)


@tensorflow_only
def test_layers_without_random_numbers_are_called():
    values = keyed(Does("to 2.6, -9, 300"))(noise(), (1, 2)).numpy()
    assert values.dtype == "uint8"
    assert np.unique(values.reshape(-1, 3), axis=0).tolist() == [[3, 0, 255]]
    mean, variance = np.float32([2, 3, 4]), np.float32([4, 4, 4])
    normalization = keras.layers.Normalization(mean=mean, variance=variance)
    values = keyed(normalization)(np.full((2, 2, 3), 12, "uint8"), (1, 2)).numpy()
    assert np.unique(values.reshape(-1, 3), axis=0).tolist() == [[5, 4, 4]]
    # Rounded at the end alone.
    sums = keyed([Does("add 0.4")] * 2)(np.full((2, 2, 3), 7, "uint8"), (1, 2))
    assert np.unique(sums) == 8


@tensorflow_only
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: Does("python"), r"Does 'does.*' draws by Python or NumPy"),
        (lambda: Does("numpy"), "draws by Python or NumPy"),
        (lambda: Does("global"), "Draw by `keras.random`"),
        (lambda: Does("tensorflow"), r"no function of an image .*RandomUniform"),
        (lambda: Does("branch"), "RandomStandardNormal"),
        (lambda: Does("state"), "ReadVariableOp"),
        (lambda: Does("function"), "PyFunc"),
        (lambda: Does("hidden"), r"AssignVariableOp.* an attribute of the layer"),
        (lambda: Does("crop"), r"keep the shape \(32, 32, 3\).* \(1, 5, 32, 3\)"),
        (lambda: Does("gray"), r"returns \(1, 32, 32, 1\)"),
        (lambda: Does("dictionary"), "returns dict"),
        (lambda: Does(lambda x: x), "Does 'does.*' cannot be copied"),
        (lambda: [keras.layers.RandomFlip(), keras.layers.MixUp()], "MixUp 'mix_up"),
        (lambda: keras.layers.Pipeline([keras.layers.CutMix()]), "CutMix 'cut_mix"),
        (lambda: keras.layers.RandomCrop(20, 20), "RandomCrop 'random_crop"),
        (lambda: keras.layers.Conv2D(3, 1), "Conv2D 'conv2d.*' has weights"),
        (lambda: adapted(keras.layers.Normalization()), "Normalization .* has weights"),
        (lambda: keras.layers.AugMix(), "AugMix 'aug_mix.*' draws by Python"),
        (lambda: [abs], "should be Keras layers. Received: <built-in function abs>"),
    ],
)
def test_refused(layer, message):
    # AutoGraph would make it an error of its own.
    convert = tf.autograph.experimental.do_not_convert
    with pytest.raises(InputError, match=message):
        tf.data.Dataset.range(2).map(
            convert(lambda number: keyed(layer())(noise(), (number, number)))
        )


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="is for others")
def test_refused_with_other_backends():
    from keras_senet.data.keras_layers import keyed

    with pytest.raises(InputError, match="only with the TensorFlow backend"):
        keyed(keras.layers.RandomFlip())
