import keras
import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_senet.data import tfds_source as module
    from keras_senet.data.images import Order
    from keras_senet.data.opening import open_source
    from keras_senet.data.splits import Portion, portions
    from keras_senet.data.tfds_source import tfds_source
    from keras_senet.errors import InputError


def prepare(folder, splits, *, labelled_test=True):
    """A data set of TensorFlow Datasets, prepared on disk for real.

    The image of the record `key` is grey, of `key`, and its class the parity.
    """
    import tensorflow_datasets as tfds

    # Not registered: it is found on disk, like one prepared elsewhere.
    with tfds.core.registered.skip_registration():

        class TinyShapes(tfds.core.GeneratorBasedBuilder):
            """Grey squares in two classes."""

            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                features = {
                    "image": tfds.features.Image(shape=(6, 6, 1)),
                    "label": tfds.features.ClassLabel(names=["even", "odd"]),
                    "file_name": tfds.features.Text(),
                    "boxes": tfds.features.Sequence(tfds.features.BBoxFeature()),
                }
                if "anonymous" in splits:
                    del features["file_name"]
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict(features)
                )

            def _split_generators(self, dl_manager):
                return {name: self._generate(name, x) for name, x in splits.items()}

            def _generate(self, name, count):
                for key in range(count):
                    no_label = name == "test" and not labelled_test
                    example = {
                        "image": np.full((6, 6, 1), key, "uint8"),
                        "label": -1 if no_label else key % 2,
                        "file_name": f"{name}/{key}.png",
                        "boxes": [],
                    }
                    if "anonymous" in splits:
                        del example["file_name"]
                    yield key, example

            def _generate_examples(self):
                raise AssertionError("not called")

    config = tfds.download.DownloadConfig(num_shards=4)
    TinyShapes(data_dir=folder).download_and_prepare(download_config=config)
    return str(folder)


def counts(source):
    splits = (source.train, source.validation, source.test)
    return [split and split.count for split in splits]


def examples(images, order, count):
    visits = images.references(order).take(count).enumerate()
    return list(
        visits.map(lambda _, visit: images.fetch(order, visit)).as_numpy_iterator()
    )


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("tfds"), {"train": 40, "test": 6})


def test_images_stay_encoded(shapes):
    source = tfds_source("tiny_shapes", shapes)
    assert source.name == "tiny_shapes/1.0.0"
    assert source.class_names == ("even", "odd")
    assert counts(source) == [36, 4, 6]
    names = set()
    for images in (source.train, source.validation):
        for example in examples(images, Order(), 99):
            assert example.encoded.startswith(b"\x89PNG")
            (key,) = set(tf.io.decode_image(example.encoded).numpy().ravel().tolist())
            assert example.name.decode() == f"train/{key}.png"
            assert example.label == key % 2
            names.add(example.name)
    assert len(names) == 40
    assert sum(source.train.class_counts(2)) == 36


def test_files_of_the_builder_are_shards(shapes):
    source = tfds_source("tiny_shapes", shapes)
    own = [
        {
            example.name
            for example in examples(
                source.train, Order(seed=0, worker=w, workers=2), source.train.share(2)
            )
        }
        for w in range(2)
    ]
    assert [len(names) for names in own] == [18, 18]
    assert not own[0] & own[1]


def test_a_set_is_opened_by_its_name(shapes):
    import tensorflow_datasets as tfds

    tfds.core.add_data_dir(shapes)
    assert counts(open_source("tiny_shapes")) == [36, 4, 6]


@pytest.mark.parametrize(
    ("splits", "labelled", "expected"),
    [
        ({"train": 20}, True, [14, 2, 4]),
        ({"train": 20, "validation": 5}, True, [20, 5, None]),
        ({"train": 20, "validation": 5, "test": 4}, True, [20, 5, 4]),
        ({"train": 20, "validation": 5, "test": 4}, False, [20, 5, None]),
    ],
)
def test_splits_are_what_they_are_called(tmp_path, splits, labelled, expected):
    folder = prepare(tmp_path, splits, labelled_test=labelled)
    assert counts(tfds_source("tiny_shapes", folder)) == expected


def test_portions():
    whole = Portion("train", 0, 100)
    ten = (Portion("train", 0, 90), Portion("train", 90, 100))
    assert portions(["test", "train"]) == (*ten, Portion("test"))
    assert portions(["train", "val"]) == (whole, Portion("val"), None)
    assert portions(["train", "extra"])[2] == Portion("train", 80, 100)
    with pytest.raises(InputError, match="should be a train split; there is extra"):
        portions(["extra"])


def test_records_without_a_name_get_one(tmp_path):
    folder = prepare(tmp_path, {"train": 20, "anonymous": 4})
    images = tfds_source("tiny_shapes", folder).train
    visits = examples(images, Order(seed=0), 14)
    assert {visit.name for visit in visits} == {b"train %d" % x for x in range(14)}


def test_other_files_than_tfrecord_are_refused(tmp_path):
    folder = prepare(tmp_path, {"train": 20})
    info = tmp_path / "tiny_shapes" / "1.0.0" / "dataset_info.json"
    info.write_text(info.read_text().replace('"tfrecord"', '"array_record"'))
    with pytest.raises(InputError, match=r"as array_record.*--file_format=tfrecord"):
        tfds_source("tiny_shapes", folder)


def test_a_set_without_training_is_refused(tmp_path):
    folder = prepare(tmp_path, {"validation": 20})
    with pytest.raises(InputError, match=r"tiny_shapes/1\.0\.0: There should be a tr"):
        tfds_source("tiny_shapes", folder)


def test_unknown_names_are_told_what_is_near():
    for name in ("CIFAR-10", "path/to/images", "a:b:c", "cifar10/foo", "my data"):
        with pytest.raises(InputError, match=f"no folder and no data set '{name}'"):
            open_source(name)
    with pytest.raises(
        InputError, match=r"no data set 'cifar11'. Did you mean .*cifar1"
    ):
        open_source("cifar11")


def test_without_a_network_it_says_so_quickly(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HOST", ("127.0.0.1", 9))
    with pytest.raises(InputError, match=r"not prepared in .*TFDS_DATA_DIR"):
        tfds_source("cifar10", data_dir=str(tmp_path))


def test_other_tasks_are_refused(tmp_path):
    with pytest.raises(InputError, match="with one label each; its features are"):
        tfds_source("coco", data_dir=str(tmp_path))
