"""Metadata, read by the field numbers of metadata_schema.fbs."""

import dataclasses
import json
import zipfile

import keras
import numpy as np
import pytest
from flatbuffers import encode, number_types
from flatbuffers.table import Table

from keras_senet.export.description import Description
from keras_senet.export.lite_metadata import associated_files, metadata

DESCRIPTION = Description(
    name="Kleines Netz für Ziffern",
    shape=(16, 16, 3),
    pixels="RGB, 0..255",
    output="probabilities",
    class_names=("eins", "zwei,\ndrei", "naïve"),
    license="Apache-2.0",
)


class Reader:
    """A table, whose fields are found by their numbers."""

    def __init__(self, table):
        self.table = table

    @classmethod
    def root(cls, content):
        start = encode.Get(number_types.UOffsetTFlags.packer_type, content, 0)
        return cls(Table(content, start))

    def position(self, field):
        offset = self.table.Offset(4 + 2 * field)
        return offset and offset + self.table.Pos

    def byte(self, field):
        position = self.position(field)
        return self.table.Get(number_types.Uint8Flags, position) if position else 0

    def text(self, field):
        position = self.position(field)
        return self.table.String(position).decode() if position else None

    def inner(self, field):
        return Reader(
            Table(self.table.Bytes, self.table.Indirect(self.position(field)))
        )

    def all(self, field):
        offset = self.table.Offset(4 + 2 * field)
        if not offset:
            return []
        start, count = self.table.Vector(offset), self.table.VectorLen(offset)
        places = [self.table.Indirect(start + 4 * index) for index in range(count)]
        return [Reader(Table(self.table.Bytes, place)) for place in places]

    def floats(self, field):
        offset = self.table.Offset(4 + 2 * field)
        flags = number_types.Float32Flags
        return self.table.GetVectorAsNumpy(flags, offset).tolist()


def read(**changes):
    content = metadata(dataclasses.replace(DESCRIPTION, **changes))
    assert content[4:8] == b"M001"
    model = Reader.root(content)
    [subgraph] = model.all(3)
    [images], [output] = subgraph.all(2), subgraph.all(3)
    return model, images, output


def test_the_model():
    model, _, _ = read()
    assert model.text(0) == "Kleines Netz für Ziffern"
    assert "RGB, 0..255" in model.text(1)
    assert model.text(5) == "Apache-2.0"
    [file] = model.all(6)
    assert (file.text(0), file.byte(2)) == ("keras_senet.json", 1)
    assert model.text(7) == "1.0.0"


def test_the_images():
    _, images, _ = read()
    assert (images.text(0), images.text(1)) == ("images", "RGB, 0..255")
    content = images.inner(3)
    assert content.byte(0) == 2  # ImageProperties
    assert content.inner(1).byte(0) == 1  # RGB
    [unit] = images.all(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert (unit.inner(1).floats(0), unit.inner(1).floats(1)) == ([0.0], [1.0])
    stats = images.inner(5)
    assert (stats.floats(0), stats.floats(1)) == ([255.0], [0.0])


def test_the_output():
    _, _, output = read()
    assert output.text(0) == "probabilities"
    [file] = output.all(6)
    assert (file.text(0), file.byte(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS


def test_says_nothing_that_is_not_known():
    changes = {"class_names": None, "license": None, "pixels": "Standardized"}
    model, images, output = read(**changes, shape=(16, 16, 1))
    assert model.text(5) is None
    assert images.inner(3).inner(1).byte(0) == 2  # grayscale
    assert (images.all(4), images.position(5)) == ([], 0)
    assert output.all(6) == []
    _, images, _ = read(shape=(16, 16, 4))
    assert not images.position(3)
    assert "labels.txt" not in associated_files(
        dataclasses.replace(DESCRIPTION, class_names=None)
    )


@pytest.mark.export
@pytest.mark.usefixtures("only_tensorflow")
def test_the_file_is_a_model_and_an_archive(tmp_path):
    from lite_runs import answers, over

    from keras_senet.export.lite_model import import_schema
    from keras_senet.export.lite_writing import write_lite

    path = tmp_path / "small.tflite"
    write_lite(over(keras.layers.Conv2D(2, 1), (16, 16, 3)), path, DESCRIPTION)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {x.compress_type for x in archive.infolist()} == {zipfile.ZIP_STORED}
        labels = archive.read("labels.txt").decode().split("\n")
        text = archive.read("keras_senet.json").decode()
    assert labels == ["eins", "zwei, drei", "naïve"]
    assert json.loads(text)["class_names"] == ["eins", "zwei,\ndrei", "naïve"]
    assert Description.from_json(text) == DESCRIPTION
    model = import_schema().ModelT.InitFromPackedBuf(path.read_bytes())
    [entry] = [x for x in model.metadata if x.name == b"TFLITE_METADATA"]
    assert model.buffers[entry.buffer].data.tobytes() == metadata(DESCRIPTION)
    assert np.isfinite(answers(path, np.zeros((1, 16, 16, 3), "float32"))).all()
