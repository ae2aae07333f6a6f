import functools
import struct
import zlib

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import JPEGS, OTHERS, encoded, exif, in_a_graph, photo, png

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from PIL import Image

    from keras_senet.data.decoding import MAX_PIXELS, decode, decode_crop, image_size
    from keras_senet.data.fault import fault


@pytest.fixture(autouse=True)
def seeded():
    """Instead of the one for all tests: no Keras here, whose session is cleared.

    TensorFlow would optimize the graphs anew, seconds in each test.
    """


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
