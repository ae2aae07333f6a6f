import keras
import numpy as np
import pytest
from pictures import encoded, photograph
from PIL import Image
from pil_reference import FILTERS, assert_same, center, cropped, resized

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_senet.data.bad_images import BadImages
    from keras_senet.data.crops import center_crop, crop_views
    from keras_senet.data.indexed import Indexed
    from keras_senet.data.once import view_batches
    from keras_senet.data.views import PROTOCOLS, Views, protocol, views_of
    from keras_senet.errors import InputError


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("sides", [(200, 131), (131, 200), (150, 150)])
def test_ten_crops_are_corners_and_center_and_their_mirrors(kind, sides):
    pixels = photograph(*sides)
    views = views_of(PROTOCOLS["ten-crop"], size=56, shorter=65, interpolation=kind)
    ours = crop_views(tf.constant(pixels), views).numpy()
    assert ours.shape == (10, 56, 56, 3)
    large = resized(Image.fromarray(pixels), 65, kind)
    right, bottom = large.width - 56, large.height - 56
    places = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
    places.append((round(right / 2), round(bottom / 2)))
    for view, (left, top) in zip(ours, places, strict=False):
        assert_same(view, cropped(large, left, top, 56))
    np.testing.assert_array_equal(ours[5:], ours[:5, :, ::-1])
    alone = center_crop(tf.constant(pixels), 56, shorter=65, interpolation=kind)
    assert_same(ours[views.center], alone.numpy())


def test_one_view_is_the_center_crop_bit_for_bit():
    pixels = tf.constant(photograph(199, 131))
    views = views_of(PROTOCOLS["single"], size=50, shorter=61)
    np.testing.assert_array_equal(
        crop_views(pixels, views)[0], center_crop(pixels, 50, shorter=61)
    )


def test_several_scales_are_resized_one_by_one():
    pixels = photograph(199, 131)
    views = views_of(PROTOCOLS["multi-scale"], size=224, shorter=256)
    assert views.shorter_sides == (256, 288, 320, 352)
    assert views.count == 40
    views = views_of(PROTOCOLS["multi-scale"], size=56, shorter=64)
    assert views.shorter_sides == (64, 72, 80, 88)
    views = views_of(
        PROTOCOLS["multi-scale"], size=56, shorter=64, shorter_sides=(60, 90)
    )
    ours = crop_views(tf.constant(pixels), views).numpy()
    assert len(ours) == views.count == 20
    for first, shorter in ((0, 60), (10, 90)):
        theirs = center(Image.fromarray(pixels), 56, shorter)
        assert_same(ours[first + views.center], theirs)
        assert_same(ours[first + 5 + views.center], theirs[:, ::-1])


def test_batches_hold_every_image_once_with_all_its_views():
    contents = [encoded(photograph(40, 30, seed), "PNG") for seed in range(5)]
    images = Indexed(
        names=list("abcde"), labels=np.arange(5, dtype="int64"), contents=contents
    )
    views = views_of(PROTOCOLS["ten-crop"], size=20, shorter=24)
    found = list(view_batches(images, views, batch_size=2).as_numpy_iterator())
    assert [x.shape for x, _, _ in found] == [(2, 10, 20, 20, 3)] * 3
    real = np.concatenate([w for _, _, w in found]) > 0
    assert real.tolist() == [True] * 5 + [False]
    assert np.concatenate([y for _, y, _ in found])[real].tolist() == [0, 1, 2, 3, 4]
    shown = np.concatenate([x for x, _, _ in found])[real]
    for given, pixels in zip(contents, shown, strict=True):
        expected = crop_views(tf.io.decode_png(given), views)
        np.testing.assert_array_equal(pixels, expected)


def test_bad_images_do_not_count():
    contents = [encoded(photograph(40, 30), "PNG"), b"no image"]
    images = Indexed(names=["a", "b"], labels=np.array([0, 1]), contents=contents)
    views = views_of(PROTOCOLS["ten-crop"], size=20, shorter=24)
    bad = BadImages("skip")
    ((_, _, weights),) = view_batches(images, views, batch_size=2, bad_images=bad)
    assert weights.numpy().tolist() == [1, 0]
    assert list(bad.found) == ["b"]
    bad = BadImages()
    with pytest.raises(InputError, match="b: It is no image"), bad.named():
        list(view_batches(images, views, batch_size=2, bad_images=bad))


def test_what_cannot_be_cut_out_is_refused():
    images = Indexed(names=["a"], labels=np.array([0]), contents=[b""])
    views = Views(size=24, shorter_sides=(24, 20))
    with pytest.raises(InputError, match="size=24, resize=20"):
        view_batches(images, views, batch_size=1)
    with pytest.raises(InputError, match="Did you mean ten-crop"):
        protocol("ten-corp")
