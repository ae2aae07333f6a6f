import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from PIL import Image

    from keras_senet.data import shard_files
    from keras_senet.data.images import Example, Order
    from keras_senet.data.packed import is_packed, packed, verify
    from keras_senet.data.packing import pack
    from keras_senet.data.source import Source
    from keras_senet.errors import InputError


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


def records(file):
    """Name, image and label of each record, by TensorFlow's own message."""
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        yield (
            feature["image/filename"].bytes_list.value[0].decode(),
            feature["image/encoded"].bytes_list.value[0],
            feature["image/class/label"].int64_list.value[0],
        )


def test_all_images_are_packed_shuffled(tmp_path):
    data = source()
    index = pack(data, tmp_path / "out", shards=4)
    assert json.loads((tmp_path / "out" / "index.json").read_text()) == index
    files = sorted(contents(tmp_path / "out"))
    assert files == [
        "index.json",
        "test-00000-of-00001.tfrecord",
        *(f"train-0000{shard}-of-00004.tfrecord" for shard in range(4)),
        "validation-00000-of-00001.tfrecord",
    ]
    for split, images in (("train", data.train), ("test", data.test)):
        shards = index["splits"][split]["shards"]
        found = [list(records(tmp_path / "out" / shard["file"])) for shard in shards]
        assert [len(part) for part in found] == [shard["count"] for shard in shards]
        assert max(map(len, found)) - min(map(len, found)) <= 1
        rows = list(zip(images.names, images.pictures, images.labels, strict=True))
        order = [rows.index(row) for part in found for row in part]
        assert sorted(order) == list(range(images.count)) != order
    assert index["splits"]["train"]["class_counts"] == [17, 17, 16]
    assert index["skipped"] == []


def test_a_packed_set_is_read(tmp_path):
    pack(source(), tmp_path, shards=4)
    data = packed(tmp_path)
    assert (data.class_names, data.size) == (("a", "b", "c"), 8)
    assert data.augmentation == source().augmentation
    assert [s.count for s in (data.train, data.validation, data.test)] == [50, 7, 10]
    assert data.train.class_counts(3).tolist() == [17, 17, 16]
    order = Order(seed=0)
    seen = set()
    for visit in data.train.references(order).take(50):
        example = data.train.fetch(order, visit)
        shade = int(example.name.numpy().decode().removesuffix(".png"))
        pixel = tf.io.decode_image(example.encoded)[0, 0].numpy().tolist()
        assert pixel == [shade, 255 - shade, 7]
        assert int(example.label) == shade % 3
        seen.add(shade)
    assert len(seen) == 50
    assert pack(source(), tmp_path, shards=4)["seed"] == 0


def test_files_depend_on_the_arguments_alone(tmp_path):
    for name, workers, seed in (("a", 1, 0), ("b", 4, 0), ("c", 4, 1)):
        pack(source(), tmp_path / name, shards=4, workers=workers, seed=seed)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a["train-00000-of-00004.tfrecord"] != c["train-00000-of-00004.tfrecord"]
    prints = {packed(tmp_path / name).fingerprint for name in "abc"}
    assert len(prints) == 2


def test_a_stream_is_packed(tmp_path):
    pack(source(test=None), tmp_path / "first", shards=3)
    stream = packed(tmp_path / "first")
    whole = pack(stream, tmp_path / "a", shards=4, workers=2)
    names = [
        row[0]
        for shard in whole["splits"]["train"]["shards"]
        for row in records(tmp_path / "a" / shard["file"])
    ]
    assert len(set(names)) == 50
    assert "test" not in whole["splits"]
    pack(stream, tmp_path / "b", shards=4, workers=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_stream_goes_on_where_it_stopped(tmp_path, monkeypatch):
    pack(source(test=None), tmp_path / "first", shards=3)
    stream = packed(tmp_path / "first")
    pack(stream, tmp_path / "whole", shards=4)
    seen = []
    with monkeypatch.context() as patch:
        # Stops at the thirtieth image, within the third shard.
        patch.setattr(
            shard_files,
            "fault",
            lambda encoded: seen.append(0) or ("stop." if len(seen) > 29 else None),
        )
        with pytest.raises(InputError, match=r"stop\."):
            pack(stream, tmp_path / "out", shards=4, workers=1)
    finished = list((tmp_path / "out").glob("train-*"))
    assert len(finished) == 2
    finished[0].unlink()
    pack(stream, tmp_path / "out", shards=4)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_large_images_make_more_shards(tmp_path, monkeypatch):
    size = len(source().train.pictures[0])
    monkeypatch.setattr("keras_senet.data.packing.SHARD_BYTES", 10 * size)
    index = pack(source(), tmp_path)
    shards = {name: len(x["shards"]) for name, x in index["splits"].items()}
    assert shards == {"train": 5, "validation": 1, "test": 1}


def test_bad_images_are_named_or_left_out(tmp_path):
    train = pictures(50)
    train.pictures[7] = train.pictures[7][:40]
    data = source(train=train)
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"^7\.png: .*on-bad-image skip"):
        pack(data, out, shards=4)
    assert not (out / "index.json").exists()
    index = pack(data, out, shards=4, on_bad_image="skip")
    (skipped,) = index["skipped"]
    assert (skipped["split"], skipped["file"]) == ("train", "7.png")
    assert packed(out).train.count == 49
    assert sum(index["splits"]["train"]["class_counts"]) == 49
    pack(data, tmp_path / "again", shards=4, on_bad_image="skip")
    assert contents(out) == contents(tmp_path / "again")


def test_what_was_skipped_is_not_forgotten(tmp_path, monkeypatch):
    """Shards that were written with `skip` are no good for `raise`."""
    train = pictures(50)
    train.pictures[7] = b"no image"
    data = source(train=train)
    with monkeypatch.context() as patch:
        patch.setattr("keras_senet.data.packing._index", lambda *_: {}["stop"])
        with pytest.raises(KeyError):
            pack(data, tmp_path, on_bad_image="skip")
    with pytest.raises(InputError, match=r"7\.png: "):
        pack(data, tmp_path)


KILLED = """
import sys, time
sys.path[:0] = {paths}
import test_packing
from keras_senet.data import shard_files
from keras_senet.data.packing import pack

fault = shard_files.fault
def slow(encoded):
    time.sleep(0.05)
    return fault(encoded)
shard_files.fault = slow
pack(test_packing.source(), sys.argv[1], shards=8, workers=2)
"""


@pytest.mark.slow
def test_a_killed_packing_goes_on(tmp_path):
    pack(source(), tmp_path / "whole", shards=8)
    out = tmp_path / "out"
    code = KILLED.format(paths=[str(Path(__file__).parent)])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("train-*"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path: path.stat().st_mtime_ns for path in out.glob("train-*")}
    assert 3 <= len(finished) < 8
    assert is_packed(out)
    with pytest.raises(InputError, match="has not finished; run the same command"):
        packed(out)
    # As if the kill had torn the line of the last shard.
    journal = out / "packing.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])
    pack(source(), out, shards=8)
    assert contents(out) == contents(tmp_path / "whole")
    kept = [path for path, at in finished.items() if path.stat().st_mtime_ns == at]
    assert len(kept) >= 2


@pytest.mark.parametrize("finished", [True, False])
def test_another_plan_is_refused(tmp_path, monkeypatch, finished):
    with monkeypatch.context() as patch, contextlib.suppress(KeyError):
        if not finished:
            patch.setattr("keras_senet.data.packing._index", lambda *_: {}["stop"])
        pack(source(), tmp_path, shards=4)
    before = contents(tmp_path)
    for changes, arguments, message in (
        ({}, {"seed": 1}, "whose seed was 0, and now is 1"),
        ({}, {"shards": 5}, "whose splits was"),
        ({"name": "others"}, {}, "whose source was 'shades'"),
        ({"fingerprint": "4567"}, {}, "whose fingerprint was"),
    ):
        with pytest.raises(InputError, match=message):
            pack(source(**changes), tmp_path, **{"shards": 4} | arguments)
    assert contents(tmp_path) == before


def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")

    @contextlib.contextmanager
    def full(target):
        yield Path("/dev/full")

    with monkeypatch.context() as patch:
        patch.setattr(shard_files, "written_whole", full)
        with pytest.raises(InputError, match=r"^The disk of .* is full\. .*goes on"):
            pack(source(), tmp_path, shards=4)
    assert not list(tmp_path.glob("*.tfrecord"))
    assert pack(source(), tmp_path, shards=4)


def test_damage_is_found(tmp_path):
    pack(source(), tmp_path, shards=4)
    assert verify(tmp_path) == []
    file = tmp_path / "train-00002-of-00004.tfrecord"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert packed(tmp_path).train.count == 50
    assert verify(tmp_path) == [file.name]
    file.write_bytes(data[:-1])
    with pytest.raises(InputError, match=f"{file.name} has {len(data) - 1} bytes; it"):
        packed(tmp_path)
    file.unlink()
    with pytest.raises(InputError, match=f"{file.name} is missing"):
        packed(tmp_path)
    assert verify(tmp_path) == [file.name]


def test_what_is_no_packed_set_is_refused(tmp_path):
    assert not is_packed(tmp_path)
    with pytest.raises(InputError, match="is no packed data set"):
        packed(tmp_path)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        packed(tmp_path)
    (tmp_path / "index.json").write_text('{"format": 2}')
    with pytest.raises(InputError, match="in format 2"):
        packed(tmp_path)


def test_bad_arguments_are_refused(tmp_path):
    for arguments in (
        {"shards": 0},
        {"workers": 0},
        {"seed": -1},
        {"on_bad_image": "ignore"},
    ):
        (name,) = arguments
        with pytest.raises(InputError, match=f"{name} should be"):
            pack(source(), tmp_path / "out", **arguments)
    (tmp_path / "photo.jpg").write_text("")
    with pytest.raises(InputError, match=r"an empty folder; it holds photo\.jpg"):
        pack(source(), tmp_path)
    empty = InMemory([], [], [])
    with pytest.raises(InputError, match="validation split of shades has no images"):
        pack(source(validation=empty), tmp_path / "out")
