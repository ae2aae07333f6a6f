"""A small data set in memory, with random access, to be packed."""

import io
from pathlib import Path

from PIL import Image

from keras_senet.data.indexed import Indexed
from keras_senet.data.source import Source


def pictures(count, first=0):
    files = []
    for shade in range(first, first + count):
        file = io.BytesIO()
        Image.new("RGB", (12, 8), (shade, 255 - shade, 7)).save(file, "PNG")
        files.append(file.getvalue())
    names = [f"{first + index}.png" for index in range(count)]
    labels = [index % 3 for index in range(count)]
    return Indexed(names=names, labels=labels, contents=files)


def source(**changes):
    parts = {
        "name": "shades",
        "class_names": ("a", "b", "c"),
        "fingerprint": "0123",
        "train": pictures(50),
        "validation": pictures(7, first=50),
        "test": pictures(10, first=60),
        "size": 8,
    }
    return Source(**parts | changes)


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}
