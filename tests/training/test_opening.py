import keras
import numpy as np
import pytest
from made_runs import make, network
from PIL import Image

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from keras_senet.data.digits import digits
    from keras_senet.data.folder import folder
    from keras_senet.errors import InputError
    from keras_senet.training.opening import images_of, open_model, shared_images


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "pictures"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for index in range(10):
            Image.new("RGB", (40, 36)).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pictures):
    """Runs on digits, and on two divisions of one folder."""
    root = tmp_path_factory.mktemp("runs")
    make(root / "digits", digits())
    for seed in (0, 1):
        recipe = {"data": {"name": str(pictures), "split_seed": seed}}
        make(root / f"folder{seed}", folder(pictures, seed), recipe)
    return {path.name: open_model(str(path)) for path in root.iterdir()}


def test_a_run_is_its_best_model_and_has_its_own_images(runs):
    opened = runs["digits"]
    assert opened.run.path.name == "digits"
    assert opened.predictor.description.class_names == tuple("0123456789")
    images = np.full((1, 32, 32, 3), 99, "uint8")
    np.testing.assert_array_equal(
        opened.predictor.predict(images), opened.model.predict_on_batch(images)
    )
    found = images_of(opened)
    assert (found.name, found.split, found.images.count) == ("digits", "test", 359)
    assert found.note is None
    assert images_of(opened, split="train").images.count == 1259


def test_a_run_is_not_measured_on_what_it_has_learned_from(runs, pictures):
    opened = runs["folder1"]
    found = images_of(opened, str(pictures))
    assert found.images.names == folder(pictures, 1).test.names
    assert "trained on" in found.note
    assert "test images" in found.note
    assert images_of(runs["digits"], str(pictures)).split == "all"
    assert images_of(opened, str(pictures), "all").images.count == 20


def test_several_runs_share_images_that_none_has_learned_from(runs, pictures):
    first, second = runs["folder0"], runs["folder1"]
    assert shared_images([first, first]).split == "test"
    with pytest.raises(InputError, match="different divisions"):
        shared_images([first, second])
    with pytest.raises(InputError, match=r"divided .* in different ways"):
        shared_images([first, second], str(pictures))
    found = shared_images([runs["digits"], first], str(pictures))
    assert found.images.names == folder(pictures, 0).test.names


def test_changed_data_are_refused_by_name_too(tmp_path):
    root = tmp_path / "pictures"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for index in range(4):
            Image.new("RGB", (4, 4)).save(root / name / f"{index}.png")
    recipe = {"data": {"name": str(root)}}
    opened = open_model(str(make(tmp_path / "run", folder(root), recipe)))
    (root / "a" / "0.png").unlink()
    for data in (None, str(root)):
        with pytest.raises(InputError, match="have changed since"):
            images_of(opened, data)


def test_files_do_not_know_their_images(tmp_path):
    network(names="abcdefghij").save(tmp_path / "model.keras")
    opened = open_model(str(tmp_path / "model.keras"))
    assert opened.run is None
    assert opened.model.input_shape == (None, 32, 32, 3)
    with pytest.raises(InputError, match=r"model.keras does not say .* --data digits"):
        images_of(opened)
    assert images_of(opened, "digits", "validation").images.count == 179


def test_a_model_of_unknown_pixels_is_none_that_takes_pixels(tmp_path):
    import keras_senet

    keras_senet.SEResNet20().save(tmp_path / "bare.keras")
    opened = open_model(str(tmp_path / "bare.keras"))
    assert opened.model is None
    assert opened.predictor.description.preparation is None
