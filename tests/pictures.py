"""Images for tests of the data pipeline."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images


def photograph(width=500, height=375, seed=0):
    """A crop of a real photograph, as an array."""
    random = np.random.default_rng(seed)
    pictures = load_sample_images().images
    picture = Image.fromarray(pictures[seed % len(pictures)])
    scale = random.uniform(1.0, 1.3) * max(
        width / picture.width, height / picture.height
    )
    sides = [round(side * scale) + 1 for side in picture.size]
    picture = picture.resize(sides)
    left = int(random.integers(sides[0] - width + 1))
    top = int(random.integers(sides[1] - height + 1))
    return np.asarray(picture.crop((left, top, left + width, top + height)))


def encoded(pixels, kind="JPEG", **options):
    """The bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def grey(value, side=4):
    """The bytes of a PNG of one grey level."""
    return encoded(np.full((side, side), value, "uint8"), "PNG")
