import contextlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from shades import contents, pictures, source

    from keras_senet.data import shard_files
    from keras_senet.data.indexed import Indexed
    from keras_senet.data.packed import packed
    from keras_senet.data.packing import pack
    from keras_senet.errors import InputError


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
        rows = list(zip(images.names, images.contents, images.labels, strict=True))
        order = [rows.index(row) for part in found for row in part]
        assert sorted(order) == list(range(images.count)) != order
    assert index["splits"]["train"]["class_counts"] == [17, 17, 16]
    assert index["skipped"] == []


def test_files_depend_on_the_arguments_alone(tmp_path):
    for name, workers, seed in (("a", 1, 0), ("b", 4, 0), ("c", 4, 1)):
        pack(source(), tmp_path / name, shards=4, workers=workers, seed=seed)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a["train-00000-of-00004.tfrecord"] != c["train-00000-of-00004.tfrecord"]
    prints = {packed(tmp_path / name).fingerprint for name in "abc"}
    assert len(prints) == 2


@pytest.mark.slow
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


def test_large_images_make_more_shards(tmp_path, monkeypatch):
    size = len(source().train.contents[0])
    monkeypatch.setattr("keras_senet.data.packing.SHARD_BYTES", 10 * size)
    index = pack(source(), tmp_path)
    shards = {name: len(x["shards"]) for name, x in index["splits"].items()}
    assert shards == {"train": 5, "validation": 1, "test": 1}


def test_bad_images_are_named_or_left_out(tmp_path):
    train = pictures(50)
    train.contents[7] = train.contents[7][:40]
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
    empty = pictures(0)
    with pytest.raises(InputError, match="validation split of shades has no images"):
        pack(source(validation=empty), tmp_path / "out")


def test_files_that_cannot_be_read_are_bad_images(tmp_path):
    files = []
    for index, content in enumerate(pictures(6).contents):
        files.append(str(tmp_path / f"{index}.png"))
        if index != 4:
            (tmp_path / f"{index}.png").write_bytes(content)
    train = Indexed(names=files, labels=np.arange(6) % 3)
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"4\.png.*cannot be read"):
        pack(source(train=train), out)
    index = pack(source(train=train), out, on_bad_image="skip")
    assert [bad["file"] for bad in index["skipped"]] == [files[4]]
    assert sum(index["splits"]["train"]["class_counts"]) == 5
