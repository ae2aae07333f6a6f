import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded, photograph
from PIL import Image

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_senet.data.augmentation import PAPER, Augmentation
    from keras_senet.data.crops import (
        center_crop,
        padded_crop,
        random_crop,
        random_window,
    )
    from keras_senet.layers import ResizeAndCrop


def windows(height, width, count, augmentation=PAPER):
    def one(key):
        numbers = tf.random.stateless_uniform((22,), tf.stack([key, 7]))
        return tf.stack(random_window(height, width, augmentation, numbers))

    found = tf.data.Dataset.range(count).map(one).batch(count)
    return next(found.as_numpy_iterator())


def reference(height, width, random):
    """The random-size crop as it is commonly written, one try after the other."""
    for _ in range(10):
        area = random.uniform(0.08, 1.0) * height * width
        aspect = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
        wide, tall = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if wide <= width and tall <= height:
            top = random.integers(height - tall + 1)
            left = random.integers(width - wide + 1)
            return top, left, tall, wide
    raise AssertionError("not for these sides")


def test_windows_are_distributed_as_the_usual_ones():
    count, random = 2000, np.random.default_rng(0)
    ours = windows(375, 500, count)
    theirs = np.array([reference(375, 500, random) for _ in range(count)])
    top, left, height, width = ours.T
    assert top.min() == left.min() == 0
    assert (top + height).max() == 375
    assert (left + width).max() == 500
    assert 0.74 < (width / height).min() < 0.76
    assert 1.32 < (width / height).max() < 1.35
    for of in (
        lambda x: x[:, 2] * x[:, 3] / (375 * 500),
        lambda x: x[:, 3] / x[:, 2],
        lambda x: x[:, 0] / (376 - x[:, 2]),
        lambda x: x[:, 1] / (501 - x[:, 3]),
    ):
        # Kolmogorov and Smirnov: below 1.95 sqrt(2 / n) in 999 of 1000 cases.
        a, b = np.sort(of(ours)), np.sort(of(theirs))
        both = np.concatenate([a, b])
        shares = (np.searchsorted(x, both, side="right") / count for x in (a, b))
        assert np.abs(np.subtract(*shares)).max() < 1.95 * (2 / count) ** 0.5


@pytest.mark.parametrize("sides", [(1, 1), (1, 1000), (1000, 1), (3, 5)])
def test_windows_of_odd_images_lie_within(sides):
    for top, left, height, width in windows(*sides, 50):
        assert 0 <= top <= top + height <= sides[0]
        assert 0 <= left <= left + width <= sides[1]
        assert min(height, width) >= 1


def test_a_window_that_cannot_fit_is_in_the_center_with_the_nearest_aspect():
    assert windows(90, 900, 1).tolist() == [[0, 390, 90, 120]]
    assert windows(800, 60, 1).tolist() == [[360, 0, 80, 60]]


def test_the_crop_of_a_jpeg_is_that_of_its_pixels():
    pixels = photograph()
    file = encoded(pixels, quality=95)
    whole = tf.io.decode_jpeg(file, dct_method="INTEGER_FAST")
    for key in range(5):
        numbers = tf.random.stateless_uniform((22,), (key, 1))
        window = [int(x) for x in random_window(375, 500, PAPER, numbers)]
        top, left, height, width = window
        theirs = tf.image.resize(
            whole[top : top + height, left : left + width], (224, 224)
        )
        ours = random_crop(tf.constant(file), 224, PAPER, (key, 1))
        assert ours.dtype == "uint8"
        # Chroma is interpolated from beyond the window where all is decoded.
        difference = np.abs(ours.numpy() - theirs.numpy())
        assert np.mean(difference) < 1.0


def test_crops_of_png_and_jpeg_show_the_same():
    pixels = photograph()
    png, jpeg = encoded(pixels, "PNG"), encoded(pixels, quality=100, subsampling=0)
    for key in range(5):
        ours = [
            random_crop(tf.constant(file), 96, PAPER, (key, 2)).numpy().astype(float)
            for file in (png, jpeg)
        ]
        # A crop elsewhere differs by 30.
        assert np.abs(ours[0] - ours[1]).mean() < 8


@pytest.mark.parametrize("times", [2, 4, 8])
def test_large_crops_are_decoded_smaller_and_not_shifted(times):
    # Smooth, so that any way of scaling down gives the same.
    side = 96 * times
    ramp = np.linspace(0, 255, side)
    pixels = np.stack([np.tile(ramp, (side, 1)), np.tile(ramp[:, None], side)], -1)
    pixels = np.concatenate([pixels, pixels[..., :1]], -1).astype("uint8")
    whole = Augmentation(crop_area=(1.0, 1.0), crop_aspect=(1.0, 1.0))
    file = tf.constant(encoded(pixels, quality=98, subsampling=0))
    ours = random_crop(file, 96, whole, (1, 2)).numpy()
    theirs = np.asarray(Image.fromarray(pixels).resize((96, 96), Image.BOX))
    assert np.abs(ours.astype(int) - theirs).max() <= 4


SIDES = st.integers(1, 300)


@settings(max_examples=25, deadline=None)
@given(SIDES, SIDES, st.sampled_from(["bilinear", "bicubic"]), st.integers(0, 9))
def test_center_crop_is_that_of_pil_and_torchvision(height, width, kind, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), "uint8")
    ours = center_crop(tf.constant(pixels), 56, shorter=64, interpolation=kind)
    least = min(height, width)
    sides = (int(64 * width / least), int(64 * height / least))
    large = Image.fromarray(pixels).resize(
        sides, Image.BILINEAR if kind == "bilinear" else Image.BICUBIC
    )
    left, top = round((sides[0] - 56) / 2), round((sides[1] - 56) / 2)
    theirs = np.asarray(large.crop((left, top, left + 56, top + 56)))
    difference = np.abs(ours.numpy().astype(int) - theirs)
    # Of noise, single rows at the reach of a kernel differ more.
    assert (difference > 2).mean() < 0.02
    assert difference.max() <= 32


@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size", "shorter"), [(224, 256), (299, 352), (320, 365)])
def test_center_crop_of_photographs(kind, size, shorter):
    pixels = photograph(640, 427)
    ours = center_crop(tf.constant(pixels), size, shorter=shorter, interpolation=kind)
    sides = (shorter * 640 // 427, shorter)
    large = Image.fromarray(pixels).resize(
        sides, Image.BILINEAR if kind == "bilinear" else Image.BICUBIC
    )
    left, top = round((sides[0] - size) / 2), round((shorter - size) / 2)
    theirs = np.asarray(large.crop((left, top, left + size, top + size)))
    difference = np.abs(ours.numpy().astype(int) - theirs)
    assert difference.max() <= 2
    assert (difference > 0).mean() < 0.005
    layer = ResizeAndCrop(size, shorter=shorter, interpolation=kind)
    twin = keras.ops.convert_to_numpy(layer(pixels[None]))[0]
    # Ties of the rounding fall either way.
    assert np.abs(twin - ours.numpy()).max() <= 1
    assert (twin != ours.numpy()).mean() < 0.005


def test_padded_crops_are_shifts_by_up_to_the_padding():
    pixels = np.zeros((9, 9, 3), "uint8")
    pixels[4, 4] = 255
    found = set()
    for key in range(300):
        moved = padded_crop(tf.constant(pixels), 2, (key, 0)).numpy()
        assert moved.sum() == 3 * 255
        found.add(divmod(int(moved[..., 0].argmax()), 9))
    assert found == {(row, column) for row in range(2, 7) for column in range(2, 7)}
