import keras
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from shades import source

    from keras_senet.data.images import Order
    from keras_senet.data.packed import is_packed, packed, verify
    from keras_senet.data.packing import pack
    from keras_senet.errors import InputError


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
