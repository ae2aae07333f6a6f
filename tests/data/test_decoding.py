import struct
import zlib

import keras
import numpy as np
import pytest
from image_files import (
    JPEGS,
    OTHERS,
    by_pil,
    encoded,
    exif,
    in_a_graph,
    photo,
    png,
)

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from PIL import Image

    from keras_senet.data.decoding import (
        decode,
        decode_crop,
        image_size,
        is_plain_jpeg,
    )
    from keras_senet.data.fault import fault


@pytest.fixture(autouse=True)
def seeded():
    """Instead of the one for all tests: no Keras here, whose session is cleared.

    TensorFlow would optimize the graphs anew, seconds in each test.
    """


def check_against(data, expected, tolerance=0):
    """Eagerly, and as in a `tf.data` map."""
    for image, height, width in (
        (decode(data), *image_size(data)),
        in_a_graph()(data),
    ):
        assert image.dtype == "uint8"
        assert image.shape == expected.shape == (height, width, 3)
        difference = np.abs(image.numpy().astype(int) - expected)
        assert difference.max() <= tolerance


@pytest.mark.parametrize("name", [*JPEGS, *OTHERS])
def test_pixels_are_pils(name):
    data = (JPEGS | OTHERS)[name]()
    check_against(data, by_pil(data))
    assert bool(is_plain_jpeg(data)) == (name in JPEGS)
    assert fault(data) is None


def test_cmyk_is_pils_up_to_one_level():
    levels = np.random.default_rng(0).integers(0, 256, (40, 50, 4), "uint8")
    data = encoded(Image.fromarray(levels, "CMYK"), "JPEG", quality=100)
    check_against(data, by_pil(data), tolerance=1)
    assert is_plain_jpeg(data)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_turns_the_image(kind, number, order):
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(photo(), kind, exif=exif(number, order), **options)
    check_against(data, by_pil(data))
    turned = 2 <= number <= 8
    assert bool(is_plain_jpeg(data)) == (kind == "JPEG" and not turned)


def test_xmp_turns_the_image_if_exif_does_not():
    xmp = b'<x tiff:Orientation="%d"/>'
    data = encoded(photo(), "JPEG", xmp=xmp % 6)
    check_against(data, by_pil(data))
    assert by_pil(data).shape[0] == photo().width
    assert not is_plain_jpeg(data)
    data = encoded(photo(), "JPEG", xmp=xmp % 6, exif=exif(3))
    check_against(data, by_pil(data))


def test_of_16_bits_the_higher_8_are_kept():
    pixels = np.random.default_rng(0).integers(0, 2**16, (9, 7, 3)).astype(">u2")
    data = png(
        9, 7, zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels)), 16
    )
    check_against(data, (pixels >> 8).astype("uint8"))
    check_against(data, by_pil(data))
    grey = pixels[..., :1]
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in grey))
    check_against(png(9, 7, rows, 16, 0), np.repeat((grey >> 8).astype("uint8"), 3, 2))


def test_interlaced_png():
    pixels = np.asarray(photo())
    passes = (
        (0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4),
        (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1),
    )  # fmt: skip
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, down, left, right in passes
        for row in pixels[top::down, left::right]
    )
    data = png(*pixels.shape[:2], zlib.compress(rows), interlaced=1)
    check_against(data, pixels)
    check_against(data, by_pil(data))


@pytest.mark.parametrize("transparency", [None, 3])
def test_gif_frames_that_do_not_fill_the_canvas(transparency):
    options = {} if transparency is None else {"transparency": transparency}
    data = bytearray(encoded(photo().quantize(), "GIF", **options))
    data[6:10] = struct.pack("<HH", photo().width + 20, photo().height + 5)
    check_against(bytes(data), by_pil(bytes(data)))
    at = data.index(b",\0\0\0\0")
    data[at + 1 : at + 5] = struct.pack("<HH", 30, 2)
    check_against(bytes(data), by_pil(bytes(data)))


@pytest.mark.parametrize(
    "name", ["4:2:0", "4:4:4", "4:2:2", "progressive", "grey", "comment"]
)
@pytest.mark.parametrize("ratio", [1, 2, 4, 8])
def test_a_window_is_cut_out_of_the_whole(name, ratio):
    data = JPEGS[name]()
    whole = tf.io.decode_jpeg(
        data, channels=3, ratio=ratio, dct_method="INTEGER_FAST"
    ).numpy()
    if ratio == 1:
        difference = np.abs(whole.astype(int) - by_pil(data))
        assert difference.max() <= 24
        assert difference.mean() < 2.0
    random = np.random.default_rng(0)
    for _ in range(25):
        top, left = random.integers(0, 131), random.integers(0, 199)
        bottom, right = random.integers(top, 131) + 1, random.integers(left, 199) + 1
        window = decode_crop(data, top, left, bottom - top, right - left, ratio)
        rows = slice(top // ratio, -(-bottom // ratio))
        columns = slice(left // ratio, -(-right // ratio))
        wanted = whole[rows, columns]
        assert window.shape == wanted.shape
        np.testing.assert_array_equal(window[:, 1:-1], wanted[:, 1:-1])
        # The chroma of the first and the last column knows nothing beyond.
        edges = np.abs(window.numpy().astype(int) - wanted)
        assert edges.max(initial=0) <= (0 if name in ("4:4:4", "grey") else 48)


@pytest.mark.parametrize(("ratio", "levels"), [(2, 4), (4, 3), (8, 3)])
def test_scaled_windows_are_averages(ratio, levels):
    data = encoded(photo(), "JPEG", quality=95, subsampling=0)
    small = decode_crop(data, 16, 40, 64, 96, ratio).numpy().astype(float)
    image = by_pil(data).astype(float)

    def averages(top, left):
        part = image[top : top + 64, left : left + 96]
        return part.reshape(64 // ratio, ratio, 96 // ratio, ratio, 3).mean((1, 3))

    error = np.abs(small - averages(16, 40)).mean()
    assert error < levels
    # Shifted by a pixel of the result, it is another image.
    assert np.abs(small - averages(16 + ratio, 40)).mean() > 2 * error


@pytest.mark.parametrize(
    "window",
    [(-1, 0, 5, 5), (0, -1, 5, 5), (0, 0, 132, 5), (0, 0, 5, 200), (0, 0, 0, 5),
     (0, 0, 5, 0), (0, 9, 5, -1), (500, 0, 5, 5)],
)  # fmt: skip
def test_windows_outside_are_refused(window):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_crop(JPEGS["4:2:0"](), *window)


def test_bad_ratios():
    with pytest.raises(ValueError, match=r"`ratio` should be one of .*ratio=3"):
        decode_crop(JPEGS["4:2:0"](), 0, 0, 8, 8, ratio=3)
