"""The operations of RandAugment against PIL's."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_senet.data.image_operations import OPERATIONS, operate

SIZE = 40
STRENGTHS = (-1.0, -0.45, 0.0, 0.3, 0.9)


def picture(height=SIZE, width=SIZE):
    """Colors that end short of 0 and 255; half a pixel is several levels."""
    y, x = np.mgrid[:height, :width] / 15
    waves = [np.sin(3 * x + y + c) + np.cos(2 * y - c * x) for c in range(3)]
    return (120 + 45 * np.stack(waves, axis=-1)).astype("uint8")


def ours(name, image, strength):
    number = tf.constant(list(OPERATIONS).index(name))
    return operate(tf.constant(image), number, tf.constant(strength)).numpy()


def enhanced(kind):
    return lambda image, s: kind(image).enhance(1 + 0.9 * s)


POINTWISE = {
    "auto_contrast": lambda image, s: ImageOps.autocontrast(image),
    "color": enhanced(ImageEnhance.Color),
    "contrast": enhanced(ImageEnhance.Contrast),
    "brightness": enhanced(ImageEnhance.Brightness),
    "sharpness": enhanced(ImageEnhance.Sharpness),
}
EXACT = {
    "identity": lambda image, s: image,
    "equalize": lambda image, s: ImageOps.equalize(image),
    "posterize": lambda image, s: ImageOps.posterize(image, 8 - round(4 * abs(s))),
    "solarize": lambda image, s: ImageOps.solarize(image, int(256 * (1 - abs(s)))),
}


def affine(matrix):
    def transform(image, s):
        return image.transform(
            image.size, Image.Transform.AFFINE, matrix(s), Image.Resampling.BILINEAR
        )

    return transform


SHIFT = 150 / 331 * SIZE
GEOMETRIC = {
    "rotate": lambda image, s: image.rotate(30 * s, Image.Resampling.BILINEAR),
    "shear_x": affine(lambda s: (1, 0.3 * s, 0, 0, 1, 0)),
    "shear_y": affine(lambda s: (1, 0, 0, 0.3 * s, 1, 0)),
    "translate_x": affine(lambda s: (1, 0, SHIFT * s, 0, 1, 0)),
    "translate_y": affine(lambda s: (1, 0, 0, 0, 1, SHIFT * s)),
}


def test_the_fourteen_of_the_paper_are_all_compared():
    assert len(OPERATIONS) == 14
    assert set(OPERATIONS) == {*EXACT, *POINTWISE, *GEOMETRIC}


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", EXACT | POINTWISE)
def test_colors_are_those_of_pil(name, strength):
    # PIL cuts fractions off where we round.
    tolerance = 0 if name in EXACT else 1
    for image in (picture(), picture(33, 57)):
        expected = np.asarray(
            (EXACT | POINTWISE)[name](Image.fromarray(image), strength)
        )
        difference = np.abs(ours(name, image, strength) - expected.astype(int))
        assert difference.max() <= tolerance


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("name", GEOMETRIC)
def test_pixels_move_where_pil_moves_them(name, strength):
    image = picture()
    moved = ours(name, image, strength)
    expected = np.asarray(GEOMETRIC[name](Image.fromarray(image), strength))
    # PIL shows black outside and does not blend it with the edge.
    white = Image.fromarray(np.full_like(image, 255))
    visible = np.asarray(GEOMETRIC[name](white, strength)).min(axis=-1) == 255
    inner = visible[1:-1, 1:-1].copy()
    for rows in (slice(0, -2), slice(2, None)):
        inner &= visible[rows, 1:-1] & visible[1:-1, rows]
    difference = np.abs(moved - expected.astype(int))[1:-1, 1:-1][inner]
    assert inner.mean() > 0.4
    assert difference.max() <= 3
    if strength == 0:
        np.testing.assert_array_equal(moved, image)
    else:
        far = ~visible
        far[1:] &= far[:-1]
        far[:, 1:] &= far[:, :-1]
        far[:-1] &= far[1:]
        far[:, :-1] &= far[:, 1:]
        assert far.any()
        assert (moved[far] == 128).all()


@pytest.mark.parametrize("name", ["auto_contrast", "equalize"])
@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_single_color_stays(name, level):
    image = np.full((SIZE, SIZE, 3), level, "uint8")
    np.testing.assert_array_equal(ours(name, image, 1.0), image)


def test_equalize_of_two_colors_and_of_noise_is_that_of_pil():
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), "uint8")
    for image in (noise, noise // 128 * 255, noise // 100, noise // 200 * 9):
        expected = np.asarray(ImageOps.equalize(Image.fromarray(image)))
        np.testing.assert_array_equal(ours("equalize", image, 0.5), expected)
