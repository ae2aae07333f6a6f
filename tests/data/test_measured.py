import keras
import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from keras_senet.data.digits import digits
    from keras_senet.data.folder import folder
    from keras_senet.data.measured import labelled, open_labelled
    from keras_senet.data.packing import pack
    from keras_senet.errors import InputError


def fill(root, counts):
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (20, 16)).save(root / name / f"{index}.png")


def test_a_folder_of_classes_is_taken_whole(tmp_path):
    fill(tmp_path, {"b": 3, "a": 2, "c": 0})
    found = open_labelled(str(tmp_path))
    assert (found.split, found.class_names) == ("all", ("a", "b", "c"))
    assert found.images.labels.tolist() == [0, 0, 1, 1, 1]
    assert open_labelled(str(tmp_path), "all").images.count == 5


def test_one_class_will_do(tmp_path):
    fill(tmp_path, {"n01443537": 1})
    assert open_labelled(str(tmp_path)).images.count == 1


def test_a_split_that_is_asked_for_divides_as_for_training(tmp_path):
    fill(tmp_path, {"a": 10, "b": 10})
    counts = {
        split: open_labelled(str(tmp_path), split).images.count
        for split in ("train", "val", "test")
    }
    assert counts == {"train": 14, "val": 2, "test": 4}
    assert open_labelled(str(tmp_path), "val").split == "validation"


def test_splits_that_are_there_are_kept(tmp_path):
    fill(tmp_path / "train", {"a": 4, "b": 4})
    fill(tmp_path / "val", {"a": 2, "b": 1})
    found = open_labelled(str(tmp_path))
    assert (found.split, found.images.count) == ("validation", 3)
    fill(tmp_path / "test", {"a": 1})
    found = open_labelled(str(tmp_path))
    assert (found.split, found.images.count) == ("test", 1)
    with pytest.raises(InputError, match=r"'all'; it has train, validation, test"):
        open_labelled(str(tmp_path), "all")


def test_digits_and_packed_data(tmp_path):
    assert open_labelled("digits").images.count == 359
    fill(tmp_path / "images", {"a": 10, "b": 10})
    pack(folder(tmp_path / "images"), tmp_path / "packed")
    found = open_labelled(str(tmp_path / "packed"))
    assert (found.split, found.images.count) == ("test", 4)


def test_what_cannot_be_measured_on(tmp_path):
    with pytest.raises(InputError, match=r"digits has no split 'tests'; it has train"):
        labelled(digits(), "tests")
    with pytest.raises(InputError, match="There is no folder"):
        open_labelled(str(tmp_path / "none"))
    with pytest.raises(InputError, match="it has no sub-folder"):
        open_labelled(str(tmp_path))
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match=r"no images in sub-folders .*\(a"):
        open_labelled(str(tmp_path))
