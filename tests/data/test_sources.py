import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from PIL import Image

    from keras_senet.data import tfds_source
    from keras_senet.data.folder import folder
    from keras_senet.data.opening import open_source
    from keras_senet.errors import InputError


@pytest.fixture
def pictures(tmp_path):
    """Two classes of ten pictures: red ones and blue ones."""
    root = tmp_path / "pictures"
    for name, color in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
        (root / name).mkdir(parents=True)
        for index in range(10):
            file = root / name / f"{index}.{'png' if index % 2 else 'jpg'}"
            Image.new("RGB", (20 + index, 16), color).save(file)
    (root / ".hidden").mkdir()
    (root / "red" / ".DS_Store").write_text("hidden")
    return root


def test_folder(pictures):
    source = folder(pictures)
    assert source.class_names == ("blue", "red")
    assert [s.count for s in (source.train, source.validation, source.test)] == [
        14,
        2,
        4,
    ]
    for image, label in source.train.in_order().as_numpy_iterator():
        assert image.dtype == "uint8"
        assert image[..., 0].mean() > 150 if label else image[..., 2].mean() > 150
    image, label = source.test.load(0)
    first = next(source.test.in_order().as_numpy_iterator())
    np.testing.assert_array_equal(image, first[0])


def test_hidden_sub_folders_are_left_out(pictures):
    (pictures / "red" / ".checkpoints").mkdir()
    (pictures / "red" / "deeper").mkdir()
    for name in (".checkpoints", "deeper"):
        Image.new("RGB", (8, 8)).save(pictures / "red" / name / "x.png")
    source = folder(pictures)
    assert sum(s.count for s in (source.train, source.validation, source.test)) == 21


def test_fingerprint_knows_added_and_renamed_images(pictures):
    before = folder(pictures).fingerprint
    assert folder(pictures).fingerprint == before
    (pictures / "red" / "0.jpg").rename(pictures / "red" / "00.jpg")
    assert folder(pictures).fingerprint != before


def test_grey_and_palette_pictures_become_rgb(pictures):
    Image.new("L", (8, 8), 77).save(pictures / "red" / "grey.png")
    Image.new("RGB", (8, 8), (1, 2, 3)).quantize(4).save(pictures / "red" / "p.png")
    source = folder(pictures)
    splits = (source.train, source.validation, source.test)
    shapes = {x.shape[-1] for s in splits for x, _ in s.in_order().as_numpy_iterator()}
    assert shapes == {3}
    assert sum(split.count for split in splits) == 22


def truncated(file):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), "uint8")
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[:2000])


def sixteen_bits(file):
    import tensorflow as tf

    pixels = np.zeros((8, 8, 3), "uint16")
    file.write_bytes(tf.io.encode_png(pixels).numpy())


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("cut.jpg", truncated, "cannot be read as an image"),
        ("text.jpg", lambda f: f.write_text("no image"), "cannot be read as an image"),
        ("empty.png", lambda f: f.write_bytes(b""), "cannot be read as an image"),
        (
            "alpha.png",
            lambda f: Image.new("RGBA", (8, 8)).save(f),
            "has an alpha channel",
        ),
        (
            "16.png",
            lambda f: Image.new("I;16", (8, 8)).save(f),
            "more than 8 bits",
        ),
        ("16rgb.png", sixteen_bits, "more than 8 bits"),
        (
            "cmyk.jpg",
            lambda f: Image.new("CMYK", (8, 8)).save(f),
            "colour mode CMYK",
        ),
        (
            "palette.bmp",
            lambda f: Image.new("RGB", (8, 8), (9, 8, 7)).quantize(4).save(f),
            "colour mode P",
        ),
        ("web.webp", lambda f: Image.new("RGB", (8, 8)).save(f), "is WEBP"),
        (
            "moving.gif",
            lambda f: Image.new("L", (8, 8)).save(
                f, save_all=True, append_images=[Image.new("L", (8, 8), 255)]
            ),
            "has 2 frames",
        ),
    ],
)
def test_bad_files_are_named(pictures, name, make, message):
    file = pictures / "red" / name
    make(file)
    with pytest.raises(InputError, match=message) as raised:
        folder(pictures)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bad_folders(tmp_path, pictures):
    with pytest.raises(InputError, match="There is no folder"):
        folder(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="it has 0 sub-folders"):
        folder(tmp_path / "empty")
    (tmp_path / "one" / "class").mkdir(parents=True)
    with pytest.raises(InputError, match="it has 1 sub-folders"):
        folder(tmp_path / "one")
    (pictures / "void").mkdir()
    with pytest.raises(InputError, match="void has 0 images"):
        folder(pictures)


def test_opening_by_name_or_path(pictures, monkeypatch):
    assert open_source("digits").name == "digits"
    assert open_source(str(pictures)).class_names == ("blue", "red")
    monkeypatch.chdir(pictures.parent)
    assert open_source("pictures").train.count == 14
    for name in ("./none", "/none", "~/none"):
        with pytest.raises(InputError, match="There is no folder"):
            open_source(name)
    with pytest.raises(InputError, match="Did you mean digits"):
        open_source("digit")
    for name in ("CIFAR-10", "path/to/images", "a:b:c", "cifar10/foo", "my data"):
        with pytest.raises(InputError, match=f"no folder and no data set '{name}'"):
            open_source(name)
    with pytest.raises(
        InputError, match=r"no data set 'cifar11'. Did you mean .*cifar1"
    ):
        open_source("cifar11")


def prepare(tmp_path, with_test):
    """A data set of TensorFlow Datasets, prepared on disk for real."""
    import tensorflow_datasets as tfds

    # Not registered: it is found on disk, like one prepared elsewhere.
    with tfds.core.registered.skip_registration():

        class TinyShapes(tfds.core.GeneratorBasedBuilder):
            """Grey squares in two classes."""

            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                features = {
                    "image": tfds.features.Image(shape=(6, 6, 1)),
                    "label": tfds.features.ClassLabel(names=["dark", "light"]),
                }
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict(features)
                )

            def _split_generators(self, dl_manager):
                splits = {"train": self._generate(20)}
                return splits | ({"test": self._generate(5)} if with_test else {})

            def _generate(self, count):
                for index in range(count):
                    image = np.full((6, 6, 1), 200 if index % 2 else 10, "uint8")
                    yield index, {"image": image, "label": index % 2}

            def _generate_examples(self):
                raise AssertionError("not called")

    TinyShapes(data_dir=tmp_path).download_and_prepare()
    return str(tmp_path)


def test_tfds_with_train_alone_and_a_whole_epoch(tmp_path):
    from keras_senet.data.pipeline import training_batches

    source = tfds_source.tfds_source("tiny_shapes", prepare(tmp_path, False))
    counts = [s.count for s in (source.train, source.validation, source.test)]
    assert counts == [14, 2, 4]
    keras.utils.set_random_seed(0)
    batches = training_batches(
        source, size=4, batch_size=7, seed=0, first_epoch=0, last_epoch=2
    )
    labels = [y.tolist() for _, y in batches.as_numpy_iterator()]
    assert len(labels) == 2 * (14 // 7)
    assert sum(labels[0] + labels[1]) == sum(labels[2] + labels[3])


def test_tfds(tmp_path):
    source = tfds_source.tfds_source("tiny_shapes", prepare(tmp_path, True))
    assert source.class_names == ("dark", "light")
    counts = [s.count for s in (source.train, source.validation, source.test)]
    assert counts == [18, 2, 5]
    pairs = list(source.train.in_order().as_numpy_iterator())
    assert len(pairs) == 18
    for image, label in pairs:
        assert image.shape == (6, 6, 3)
        assert (image == (200 if label else 10)).all()


def test_tfds_without_a_network_says_so_quickly(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_source, "HOST", ("127.0.0.1", 9))
    with pytest.raises(InputError, match=r"not prepared in .*TFDS_DATA_DIR"):
        tfds_source.tfds_source("cifar10", data_dir=str(tmp_path))


def test_tfds_refuses_other_tasks(tmp_path):
    with pytest.raises(InputError, match="with one label each; its features are"):
        tfds_source.tfds_source("coco", data_dir=str(tmp_path))
