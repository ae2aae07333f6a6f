"""Random changes of one image: their ranges and distributions."""

import functools
import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from keyed import check_pure, over_keys

    from keras_senet.data.changes import jitter, rand_augment, random_erasing
    from keras_senet.data.keys import DRAWS, draw_key


def noise(size, low=40, high=200):
    return np.random.default_rng(0).integers(low, high, (size, size, 3), "uint8")


def changes():
    return {
        "jitter": functools.partial(jitter, amount=20),
        "erasing": functools.partial(random_erasing, probability=1.0),
        "operations": rand_augment,
    }


@pytest.mark.parametrize("size", [32, pytest.param(224, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["jitter", "erasing", "operations"])
def test_same_key_same_result_and_others_otherwise(name, size):
    distinct, spec = check_pure(changes()[name], (noise(size),))
    # Two operations leave an image as it is once in 196 times.
    assert distinct == 16
    assert spec == tf.TensorSpec((size, size, 3), tf.uint8)


def test_draws_of_an_image_and_of_its_neighbors_have_keys_of_their_own():
    keys = {
        tuple(draw_key((first, number), draw).numpy())
        for first in (0, 1, 2**31 - 1)
        for number in range(20)
        for draw in DRAWS
    }
    assert len(keys) == 3 * 20 * len(DRAWS)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_jitter_is_uniform_and_of_each_channel_of_each_pixel(dtype):
    image = np.full((64, 64, 3), 100, dtype)
    changed = jitter(image, (1, 2), amount=20).numpy()
    assert changed.dtype == dtype
    change = changed.astype(int) - 100
    levels = np.bincount(change.ravel() + 20)
    assert len(levels) == 41
    assert np.abs(levels / levels.mean() - 1).max() < 0.25
    flat = change.reshape(-1, 3)
    for other in (np.roll(flat, 1, axis=0), np.roll(flat, 1, axis=1)):
        assert abs(np.corrcoef(flat.ravel(), other.ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_jitter_ends_at_black_and_white(dtype):
    for level, low, high in ((0, 0, 20), (250, 230, 255)):
        changed = jitter(np.full((64, 64, 3), level, dtype), (1, 2), amount=20)
        assert (changed.numpy().min(), changed.numpy().max()) == (low, high)


def test_erasing_takes_its_share_of_images():
    image = noise(32)
    results = over_keys(
        functools.partial(random_erasing, probability=0.25), (image,), 400
    )
    erased = sum((result != image).any() for result in results)
    # Four standard deviations of the binomial distribution.
    assert abs(erased - 100) < 4 * np.sqrt(400 * 0.25 * 0.75)


def test_erased_rectangles_have_the_areas_ratios_and_pixels_of_the_paper():
    image = np.full((100, 80, 3), 300.0, "float32")
    results = over_keys(
        functools.partial(random_erasing, probability=1.0), (image,), 400
    )
    areas, ratios, places, pixels = [], [], [], []
    for result in results:
        mask = (result != 300).any(axis=-1)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert mask.sum() == height * width
        areas.append(mask.mean())
        ratios.append(height / width)
        if height < 100:
            places.append(rows[0] / (100 - height))
        pixels.append(result[mask].ravel())
    assert 0.018 < min(areas) < 0.04
    assert 0.3 < max(areas) < 0.345
    assert abs(np.mean(areas) - (0.02 + 1 / 3) / 2) < 0.02
    assert 0.27 < min(ratios) < 0.4
    assert 2.5 < max(ratios) < 3.7
    assert abs(np.mean(np.log(ratios))) < 0.15
    np.testing.assert_allclose(
        np.quantile(places, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.1
    )
    levels = np.bincount(np.concatenate(pixels).astype(int), minlength=256)
    assert len(levels) == 256
    assert levels.min() > 0.9 * levels.mean()
    assert levels.max() < 1.1 * levels.mean()


def test_magnitude_zero_leaves_all_but_the_histogram_operations():
    image = noise(32)
    mild = functools.partial(rand_augment, operations=1, magnitude=0, deviation=0)
    results = over_keys(mild, (image,), 700)
    changed = sum((result != image).any() for result in results)
    # Two of fourteen operations have no magnitude.
    assert abs(changed - 100) < 4 * np.sqrt(700 * 2 / 14 * 12 / 14)


def test_every_operation_is_drawn_in_both_directions():
    image = noise(32)
    full = functools.partial(rand_augment, operations=1, magnitude=10, deviation=0)
    results = [result.tobytes() for result in over_keys(full, (image,), 700)]
    # Five have one direction (identity, auto contrast, equalize, posterize,
    # solarize), nine have two.
    assert len(set(results)) == 5 + 9 * 2
    unchanged = results.count(image.tobytes())
    assert abs(unchanged - 50) < 4 * np.sqrt(700 / 14 * 13 / 14)


def test_magnitudes_are_normally_distributed_about_the_one_given():
    image = np.full((16, 16, 3), 50, "uint8")
    varied = functools.partial(rand_augment, operations=1, magnitude=5, deviation=1)
    levels = [
        int(result.flat[0])
        for result in over_keys(varied, (image,), 700)
        if len(np.unique(result)) == 1 and not 45 < result.flat[0] < 55
    ]
    # Only brightness turns 50 into another level: 50 * (1 +- 0.9 * magnitude / 10).
    magnitudes = np.abs(np.array(levels) - 50) / 4.5
    assert abs(len(levels) - 50) < 4 * np.sqrt(700 / 14 * 13 / 14)
    assert abs(magnitudes.mean() - 5) < 4 / np.sqrt(50)
    assert 0.6 < magnitudes.std() < 1.4


def test_refused_arguments():
    image = noise(8)
    with pytest.raises(ValueError, match="Received: probability=2"):
        random_erasing(image, (1, 2), probability=2)
    with pytest.raises(ValueError, match="Received: magnitude=11"):
        rand_augment(image, (1, 2), magnitude=11)
    with pytest.raises(ValueError, match="Received: float32"):
        rand_augment(image.astype("float32"), (1, 2))


ELSEWHERE = """
import sys
import keras
from keras_senet.data import changes, image_operations, keys, mixing
assert keras.backend.backend() == "tensorflow" or "tensorflow" not in sys.modules
import tensorflow as tf
def change(number):
    key = tf.stack((tf.constant(7, tf.int64), number))
    image = tf.reshape(tf.range(3072) // 13, (32, 32, 3))
    image = changes.rand_augment(tf.cast(image, tf.uint8), key)
    image = changes.random_erasing(changes.jitter(image, key, 20), key)
    images = tf.stack((image, tf.reverse(image, [0])))
    return mixing.mix(images, tf.eye(2), key, mixup=0.2, cutmix=1.0)
batches = tf.data.Dataset.range(40).map(change, num_parallel_calls=8)
total = [(float(tf.reduce_sum(x)), float(y[0, 0])) for x, y in batches]
print(total)
"""


# With those that wait for torch to be installed.
@pytest.mark.parity
def test_any_backend_sees_the_same_images():
    backends = [x for x in ("jax", "torch") if importlib.util.find_spec(x)]
    if not backends:
        pytest.skip("neither jax nor torch is installed")
    outputs = {
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for backend in ("tensorflow", *backends)
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 400
