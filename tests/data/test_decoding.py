import functools
import struct
import zlib

import keras
import numpy as np
import pytest
from data.pictures import by_pil, encoded, exif, photo
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from PIL import Image

    from keras_senet.data.decoding import (
        MAX_PIXELS,
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


@functools.cache
def in_a_graph():
    return tf.function(
        lambda data: (decode(data), *image_size(data)),
        input_signature=[tf.TensorSpec((), tf.string)],
    )


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


def with_alpha():
    pixels = np.asarray(photo())
    return Image.fromarray(np.dstack([pixels, pixels[..., 0]]))


JPEGS = {
    "4:2:0": lambda: encoded(photo(), "JPEG"),
    "4:4:4": lambda: encoded(photo(), "JPEG", subsampling=0, quality=95),
    "4:2:2": lambda: encoded(photo(), "JPEG", subsampling=1),
    "progressive": lambda: encoded(photo(), "JPEG", progressive=True),
    "rgb": lambda: encoded(photo(), "JPEG", keep_rgb=True),
    "grey": lambda: encoded(photo().convert("L"), "JPEG"),
    "comment": lambda: encoded(photo(), "JPEG", comment=b"Exif\0\0" * 99),
}
OTHERS = {
    "png": lambda: encoded(photo(), "PNG"),
    "png grey": lambda: encoded(photo().convert("L"), "PNG"),
    "png 1 bit": lambda: encoded(photo().convert("1"), "PNG"),
    "png palette": lambda: encoded(photo().quantize(99), "PNG"),
    "png 2 bits": lambda: encoded(photo().quantize(4), "PNG", bits=2),
    "png palette, alpha": lambda: encoded(photo().quantize(), "PNG", transparency=3),
    "png alpha": lambda: encoded(with_alpha(), "PNG"),
    "png grey, alpha": lambda: encoded(with_alpha().convert("LA"), "PNG"),
    "gif": lambda: encoded(photo().quantize(), "GIF"),
    "gif in rows": lambda: encoded(photo().quantize(), "GIF", interlace=0),
    "gif grey": lambda: encoded(photo().convert("L"), "GIF"),
    "gif alpha": lambda: encoded(photo().quantize(), "GIF", transparency=3),
    "gif comment": lambda: encoded(photo().quantize(), "GIF", comment=b"," * 999),
    "gif animated": lambda: encoded(
        photo().quantize(),
        "GIF",
        save_all=True,
        append_images=[photo().rotate(180).quantize()],
    ),
    "bmp": lambda: encoded(photo(), "BMP"),
    "bmp grey": lambda: encoded(photo().convert("L"), "BMP"),
    "bmp 32": lambda: encoded(with_alpha(), "BMP"),
    "webp": lambda: encoded(photo(), "WEBP"),
    "webp lossless": lambda: encoded(photo(), "WEBP", lossless=True),
    "webp alpha": lambda: encoded(with_alpha(), "WEBP"),
    "webp lossless alpha": lambda: encoded(with_alpha(), "WEBP", lossless=True),
}


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


def chunk(name, data):
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def png(height, width, rows, depth=8, color=2, interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


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


def sized(kind, height, width):
    """A small file whose header claims another size."""
    if kind == "PNG":
        return png(height, width, zlib.compress(b"\0"))
    data = bytearray(encoded(Image.new("RGB", (8, 8)), kind))
    at, order, shape = {
        "JPEG": (data.find(b"\xff\xc0") + 5, ">HH", (height, width)),
        "GIF": (6, "<HH", (width, height)),
        "BMP": (18, "<II", (width, height)),
    }[kind]
    data[at : at + struct.calcsize(order)] = struct.pack(order, *shape)
    return bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_bombs_are_refused_by_their_header(kind):
    data = sized(kind, 20_000, 20_001)
    crop = functools.partial(decode_crop, top=0, left=0, height=8, width=8)
    for read in (decode, image_size, in_a_graph(), *[crop] * (kind == "JPEG")):
        with pytest.raises(tf.errors.InvalidArgumentError, match="It has too many"):
            read(data)
    assert "20000 x 20001 pixels, more than the 89478485 that" in fault(data)


def test_the_limit_is_pils():
    assert MAX_PIXELS == Image.MAX_IMAGE_PIXELS
    factors = (5, MAX_PIXELS // 5)
    assert factors[0] * factors[1] == MAX_PIXELS
    assert [int(side) for side in image_size(sized("PNG", *factors))] == [*factors]
    for height, width in ((5, factors[1] + 1), (2**31 - 1, 2**31 - 1)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="too many pixels"):
            image_size(sized("PNG", height, width))


@pytest.mark.parametrize(
    "name", ["4:2:0", "4:4:4", "4:2:2", "progressive", "grey", "comment"]
)
@pytest.mark.parametrize("ratio", [1, 2, 4, 8])
def test_a_window_is_cut_out_of_the_whole(name, ratio):
    data = JPEGS[name]()
    whole = tf.io.decode_jpeg(
        data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE"
    ).numpy()
    if ratio == 1:
        np.testing.assert_array_equal(whole, by_pil(data))
    random = np.random.default_rng(0)
    for _ in range(25):
        top, left = random.integers(0, 131), random.integers(0, 199)
        bottom, right = random.integers(top, 131) + 1, random.integers(left, 199) + 1
        window = decode_crop(data, top, left, bottom - top, right - left, ratio)
        rows = slice(top // ratio, -(-bottom // ratio))
        columns = slice(left // ratio, -(-right // ratio))
        np.testing.assert_array_equal(window, whole[rows, columns])


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


BAD = {
    "is empty": lambda: b"",
    "is no image": lambda: b"<html>Not found</html>",
    "is truncated": lambda: JPEGS["4:2:0"]()[:-500],
    "is truncated; repair": lambda: OTHERS["gif"]()[:-500],
    "is TIFF; convert": lambda: encoded(photo(), "TIFF"),
    "is AVIF; convert": lambda: encoded(photo(), "AVIF"),
    "is HEIC; convert": lambda: b"\0\0\0\x18ftypheic" + bytes(99),
    "is a BMP with a palette": lambda: encoded(photo().quantize(), "BMP"),
    "is a BMP with a palette or less": lambda: encoded(photo().convert("1"), "BMP"),
    "is an animated WebP": lambda: encoded(
        photo(), "WEBP", save_all=True, append_images=[photo().rotate(180)]
    ),
    "is broken": lambda: OTHERS["png"]()[:99] + b"!" + OTHERS["png"]()[100:],
}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_refused_and_why(reason):
    data = BAD[reason]()
    for read in (decode, in_a_graph()):
        with pytest.raises(tf.errors.InvalidArgumentError):
            read(data)
    assert reason in fault(data)
    assert "\n" not in fault(data)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP"]),
    st.booleans(),
    st.data(),
)
def test_broken_files_raise_or_have_the_size_of_their_header(kind, cut, data):
    options = {"exif": exif(6)} if kind in ("JPEG", "PNG", "WEBP") else {}
    image = photo(17, 23).quantize(16) if kind == "GIF" else photo(17, 23)
    file = bytearray(encoded(image, kind, **options))
    at = data.draw(st.integers(0, len(file) - 1))
    if cut:
        del file[at:]
    else:
        file[at] ^= data.draw(st.integers(1, 255))
    try:
        image, height, width = in_a_graph()(bytes(file))
    except tf.errors.OpError:
        assert fault(bytes(file)).endswith(".")
        return
    assert image.shape == (height, width, 3)
    assert fault(bytes(file)) is None
    # GIF's end mark alone may be missing.
    assert not cut or kind == "GIF"


def test_in_a_map_bad_files_are_dropped():
    files = [JPEGS["4:2:0"](), b"", OTHERS["gif"](), BAD["is truncated"]()]
    images = tf.data.Dataset.from_tensor_slices(files).map(decode, 2).ignore_errors()
    assert [image.shape for image in images] == [(131, 199, 3)] * 2
    assert images.element_spec.shape.as_list() == [None, None, 3]
