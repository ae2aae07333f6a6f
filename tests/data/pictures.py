"""Files of images in memory, and what PIL makes of them."""

import functools
import io

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
