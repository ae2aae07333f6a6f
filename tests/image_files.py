"""Files of images in memory, and what PIL makes of them."""

import functools
import io
import struct
import zlib

import numpy as np


@functools.cache
def photo(height=131, width=199):
    """A part of a photograph, its sides no multiples of anything."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    image = Image.fromarray(load_sample_images().images[0])
    return image.crop((200, 150, 200 + width, 150 + height))


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_pil(data):
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def exif(orientation, order="<"):
    from PIL import Image

    tags = Image.Exif()
    tags.endian = order
    tags[0x010F] = "a maker"
    tags[0x0112] = orientation
    return tags


def with_alpha():
    from PIL import Image

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


def chunk(name, data):
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def png(height, width, rows, depth=8, color=2, interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@functools.cache
def in_a_graph():
    import tensorflow as tf

    from keras_senet.data.decoding import decode, image_size

    return tf.function(
        lambda data: (decode(data), *image_size(data)),
        input_signature=[tf.TensorSpec((), tf.string)],
    )
