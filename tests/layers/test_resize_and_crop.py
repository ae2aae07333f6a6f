"""The resizing of published tests, against PIL with torchvision's whole numbers."""

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from keras_senet.layers import ResizeAndCrop

MODES = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
PHOTOGRAPH = load_sample_images().images[0]


def by_pil(image, size, shorter, interpolation):
    picture = Image.fromarray(image)
    least = min(picture.size)
    width, height = (int(shorter * side / least) for side in picture.size)
    picture = picture.resize((width, height), MODES[interpolation])
    left, top = (round((side - size) / 2.0) for side in picture.size)
    return np.asarray(picture.crop((left, top, left + size, top + size)))


def by_layer(image, *arguments, **settings):
    size, shorter, interpolation = arguments
    layer = ResizeAndCrop(
        size, shorter=shorter, interpolation=interpolation, **settings
    )
    return keras.ops.convert_to_numpy(layer(image[np.newaxis]))[0]


@pytest.mark.parametrize("interpolation", MODES)
@pytest.mark.parametrize(
    ("rows", "columns", "size", "shorter"),
    [
        (427, 640, 224, 256),
        (401, 333, 224, 235),
        (300, 200, 200, 200),
        # Enlarged.
        (101, 150, 160, 168),
    ],
)
def test_photographs_as_pil_resizes_them(rows, columns, size, shorter, interpolation):
    image = np.ascontiguousarray(PHOTOGRAPH[:rows, :columns])
    expected = by_pil(image, size, shorter, interpolation).astype("float32")
    difference = np.abs(by_layer(image, size, shorter, interpolation) - expected)
    # PIL's weights are fixed-point numbers.
    assert difference.max() <= 2
    assert np.mean(difference > 0) < 0.005


def test_channels_first():
    image = PHOTOGRAPH[:60, :90]
    expected = by_layer(image, 32, 40, "bicubic")
    first = by_layer(
        image.transpose(2, 0, 1), 32, 40, "bicubic", data_format="channels_first"
    )
    np.testing.assert_array_equal(first.transpose(1, 2, 0), expected)


def test_images_of_any_size_in_a_model_that_is_saved(tmp_path):
    images = keras.Input((None, None, 3), dtype="uint8")
    outputs = ResizeAndCrop(32, shorter=36, interpolation="bicubic")(images)
    assert outputs.shape == (None, 32, 32, 3)
    keras.Model(images, outputs).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    for rows, columns in ((60, 90), (90, 61)):
        image = PHOTOGRAPH[:rows, :columns]
        np.testing.assert_allclose(
            model.predict(image[np.newaxis], verbose=0)[0],
            by_layer(image, 32, 36, "bicubic"),
            atol=1,
        )


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match=r"from 1 to `shorter`. .* size=9, shorter=8"):
        ResizeAndCrop(9, shorter=8)
    with pytest.raises(ValueError, match="interpolation='nearest'"):
        ResizeAndCrop(8, shorter=8, interpolation="nearest")
