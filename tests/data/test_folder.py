import keras
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from keras_senet.data.folder import folder
    from keras_senet.data.opening import open_source
    from keras_senet.data.source import stratified
    from keras_senet.errors import InputError


def fill(root, counts, color=(200, 0, 0)):
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            kind = "png" if index % 2 else "jpg"
            Image.new("RGB", (20 + index, 16), color).save(
                root / name / f"{index}.{kind}"
            )


@pytest.fixture
def pictures(tmp_path):
    root = tmp_path / "pictures"
    fill(root, {"red": 10, "blue": 10})
    (root / ".hidden").mkdir()
    (root / "red" / ".DS_Store").write_text("hidden")
    return root


def counts(source):
    return {name: images.count for name, images in source.splits.items()}


def test_classes_are_sub_folders_and_splits_are_stratified(pictures):
    source = folder(pictures)
    assert source.class_names == ("blue", "red")
    assert counts(source) == {"train": 14, "validation": 2, "test": 4}
    for images in source.splits.values():
        for name, label in zip(images.names, images.labels, strict=True):
            assert f"/{source.class_names[label]}/" in name
        np.testing.assert_array_equal(images.class_counts(2), [images.count // 2] * 2)
    names = [name for images in source.splits.values() for name in images.names]
    assert len(set(names)) == 20


def test_another_split_seed_chooses_others(pictures):
    tests = [set(folder(pictures, split_seed=seed).test.names) for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]
    prints = [folder(pictures, split_seed=seed).fingerprint for seed in (0, 1)]
    assert prints[0] != prints[1]


@pytest.mark.parametrize("name", ["val", "validation", "Valid"])
def test_splits_that_are_given_stay_as_they_are(tmp_path, name):
    fill(tmp_path / "train", {"cat": 5, "dog": 4})
    fill(tmp_path / name, {"cat": 2, "dog": 1})
    source = open_source(str(tmp_path))
    assert source.class_names == ("cat", "dog")
    assert counts(source) == {"train": 9, "validation": 3}
    assert source.test is None
    fill(tmp_path / "test", {"dog": 2})
    source = folder(tmp_path)
    assert counts(source) == {"train": 9, "validation": 3, "test": 2}
    assert source.test.labels.tolist() == [1, 1]


def test_a_missing_validation_is_taken_from_the_training_images(tmp_path):
    fill(tmp_path / "train", {"cat": 20, "dog": 10})
    fill(tmp_path / "test", {"cat": 2, "dog": 1})
    assert counts(folder(tmp_path)) == {"train": 27, "validation": 3, "test": 3}


@pytest.mark.parametrize(
    "names", [("train", "val", "docs"), ("val", "test"), ("train", "val", "valid")]
)
def test_what_may_be_splits_or_classes_is_refused(tmp_path, names):
    fill(tmp_path, dict.fromkeys(names, 3))
    with pytest.raises(InputError, match=r"remove or rename|should have one folder"):
        folder(tmp_path)


def test_links_are_followed_but_not_in_circles(pictures, tmp_path):
    fill(tmp_path / "elsewhere", {"more": 3})
    (pictures / "red" / "linked").symlink_to(tmp_path / "elsewhere")
    (pictures / "red" / "circle").symlink_to(pictures / "red")
    assert sum(counts(folder(pictures)).values()) == 23


def test_classes_may_be_called_like_splits(tmp_path):
    fill(tmp_path, {"train": 4, "bus": 4})
    assert folder(tmp_path).class_names == ("bus", "train")


def test_other_classes_and_empty_splits_are_refused(tmp_path):
    fill(tmp_path / "train", {"cat": 5, "dog": 4})
    fill(tmp_path / "val", {"cat": 2, "bird": 1})
    with pytest.raises(InputError, match="do not have: bird"):
        folder(tmp_path)
    other = tmp_path / "other"
    fill(other / "train", {"cat": 5, "dog": 4})
    (other / "val").mkdir()
    (other / "val" / "ILSVRC2012_val_00000001.JPEG").write_bytes(b"")
    with pytest.raises(InputError, match=r"no images in sub-folders .*\(cat, dog"):
        folder(other)


def test_hidden_files_and_sub_folders_are_left_out(pictures):
    for name in (".checkpoints", "deeper"):
        (pictures / "red" / name).mkdir()
        Image.new("RGB", (8, 8)).save(pictures / "red" / name / "x.png")
    (pictures / "red" / "Thumbs.db").write_text("")
    assert sum(counts(folder(pictures)).values()) == 21


def test_fingerprint_knows_added_and_renamed_images(pictures):
    before = folder(pictures).fingerprint
    assert folder(pictures).fingerprint == before
    (pictures / "red" / "0.jpg").rename(pictures / "red" / "00.jpg")
    assert folder(pictures).fingerprint != before


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


def test_names_that_are_not_utf_8_are_refused(pictures):
    (pictures / "red" / "\udcff.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="not UTF-8"):
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


def test_split_is_stratified_and_complete():
    labels = np.repeat([0, 1, 2], [10, 50, 3])
    parts = stratified(labels)
    assert sorted(np.concatenate(parts)) == list(range(63))
    assert [len(part) for part in parts] == [7 + 35 + 1, 1 + 5 + 1, 2 + 10 + 1]
