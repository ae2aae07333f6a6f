"""A small data set in memory, with random access, to be packed."""

import io
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from PIL import Image

from keras_senet.data.images import Example
from keras_senet.data.source import Source


@dataclass(frozen=True)
class InMemory:
    """The least that random access asks for."""

    names: list
    pictures: list
    labels: list

    @property
    def count(self):
        return len(self.names)

    def references(self, order):
        return tf.data.Dataset.range(self.count)

    def fetch(self, order, reference):
        parts = (self.names, self.pictures, self.labels)
        return Example(reference, *(tf.gather(part, reference) for part in parts))


def pictures(count, first=0):
    files = []
    for shade in range(first, first + count):
        file = io.BytesIO()
        Image.new("RGB", (12, 8), (shade, 255 - shade, 7)).save(file, "PNG")
        files.append(file.getvalue())
    names = [f"{first + index}.png" for index in range(count)]
    return InMemory(names, files, [index % 3 for index in range(count)])


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
