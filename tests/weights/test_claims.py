"""What networks say about their weights stays true, whatever is done to them."""

import keras
import numpy as np
import pytest
import small
from safetensors.numpy import save, save_file

import keras_senet
from keras_senet.checkpoints.conversion import convert
from keras_senet.checkpoints.recognition import recognize
from keras_senet.models.families import NETWORKS
from keras_senet.weights.classes import imagenet_classes

TAG = "seresnet50.ra2_in1k"


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    small.use(monkeypatch)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A file of a published checkpoint, where a person places it by hand."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    path = tmp_path / "home" / "keras_senet" / f"{TAG}.safetensors"
    path.parent.mkdir(parents=True)
    state = small.state("se_resnet50", small.build("se_resnet50"), "timm")
    path.write_bytes(save(state))
    return path


def tag(model):
    carried = model.get_layer("provenance").checkpoint
    return carried and carried["tag"]


def names(model):
    return model.get_layer("predictions").class_names


def test_own_classes_are_not_taken_for_imagenets(published, tmp_path):
    """1000 classes of one's own, on published features."""
    features = NETWORKS["se_resnet50"](include_top=False, pooling="avg")
    mine = NETWORKS["se_resnet50"](weights=None)
    for layer in filter(lambda x: x.weights, features.layers):
        mine.get_layer(layer.name).set_weights(layer.get_weights())
    mine.get_layer("provenance").checkpoint = features.get_layer(
        "provenance"
    ).checkpoint
    mine.get_layer("predictions").class_names = [f"own{i}" for i in range(1000)]
    mine.save_weights(tmp_path / "x.weights.h5")
    mine.save(tmp_path / "x.keras")
    convert(tmp_path / "x.keras", tmp_path / "y.weights.h5")
    for file in ("x.weights.h5", "x.keras", "y.weights.h5"):
        again = NETWORKS["se_resnet50"](weights=tmp_path / file)
        assert names(again)[:2] == ("own0", "own1")
        assert tag(again) == TAG
    published_one = NETWORKS["se_resnet50"]()
    assert names(published_one)[1] == imagenet_classes()[1][1] == "goldfish"
    published_one.load_weights(tmp_path / "x.weights.h5")
    assert names(published_one)[1] == "own1"


def test_random_layers_inside_are_no_checkpoint(published):
    with pytest.warns(UserWarning, match="Not loaded: predictions"):
        head = NETWORKS["se_resnet50"](classes=7, skip_mismatch=True)
    assert (tag(head), names(head)) == (TAG, None)
    with pytest.warns(UserWarning, match="_se"):
        inside = NETWORKS["se_resnet50"](reduction=8, skip_mismatch=True)
    assert tag(inside) is None


def test_transferred_weights_leave_se_random_and_say_so(published):
    source, target = NETWORKS["se_resnet50"](), small.build("se_resnet50")
    target.get_layer("predictions").class_names = [f"old{i}" for i in range(1000)]
    keras_senet.transfer_weights(source, target)
    assert tag(target) is None
    # The head went along, and with it its names; so did what the images are like.
    assert names(target) == names(source)
    images = np.full((1, 64, 64, 3), 99, "uint8")
    np.testing.assert_array_equal(
        keras_senet.preprocess_input(images, target),
        keras_senet.preprocess_input(images, TAG),
    )


def test_a_tag_comes_before_a_file_of_its_name(published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = small.build("se_resnet50")
    other.get_layer("stem_conv").kernel.assign(other.get_layer("stem_conv").kernel * 2)
    save_file(small.state("se_resnet50", other, "timm"), TAG)
    kernels = [
        np.asarray(NETWORKS["se_resnet50"](weights=x).get_layer("stem_conv").kernel)
        for x in (TAG, f"./{TAG}")
    ]
    np.testing.assert_allclose(2 * kernels[0], kernels[1], rtol=1e-6)


def test_a_row_is_read_by_its_own_names(published):
    """Weights of the other dialect in the place of a file without published hash."""
    caffe = small.build("se_resnet50", variant="caffe")
    published.write_bytes(save(small.state("se_resnet50", caffe, "cadene")))
    with pytest.raises(ValueError, match=r"not in the network: last_linear\.bias"):
        NETWORKS["se_resnet50"]()


def test_layers_before_the_network_shift_nothing(tmp_path):
    source = small.build("se_resnet50", classes=5)
    source.save_weights(tmp_path / "x.weights.h5")
    images = keras.Input((64, 64, 3))
    colors = keras.layers.Conv2D(3, 1, name="colors")(images)
    behind = NETWORKS["se_resnet50"](
        weights=tmp_path / "x.weights.h5", input_tensor=colors, classes=5
    )
    for layer in filter(lambda x: x.weights, source.layers):
        for ours, theirs in zip(
            behind.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    behind.save_weights(tmp_path / "y.weights.h5")
    done = convert(tmp_path / "y.weights.h5", tmp_path / "z.weights.h5")
    assert done.left_out == ["colors"]
    assert done.source.arguments["classes"] == 5


def test_conversion_names_what_it_leaves_out(tmp_path):
    images = keras.Input((64, 64, 3))
    network = NETWORKS["se_resnet50"](
        weights=None, input_tensor=keras.layers.Rescaling(1 / 255)(images), classes=2
    )
    network.save(tmp_path / "x.keras")
    done = convert(tmp_path / "x.keras", tmp_path / "x.weights.h5")
    assert done.left_out == ["rescaling"]
    assert done.images is None


def test_numbers_that_are_no_weights(tmp_path):
    model = small.build("se_resnet50")
    state = small.state("se_resnet50", model, "timm")
    state["conv1.weight"] = state["conv1.weight"].astype("int8")
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(
        ValueError, match=r"floating-point numbers: conv1\.weight \(int8"
    ):
        NETWORKS["se_resnet50"](weights=tmp_path / "x.safetensors")


@pytest.mark.parametrize("metadata", ["{}", "1.0", "x", '{"facts": 3}'])
def test_metadata_that_we_did_not_write(metadata, tmp_path):
    state = small.state("se_resnet50", small.build("se_resnet50"), "timm")
    save_file(state, tmp_path / "x.safetensors", metadata={"keras_senet": metadata})
    with pytest.raises(ValueError, match=r"x\.safetensors cannot be read as weights"):
        recognize(tmp_path / "x.safetensors")


def test_files_of_other_models(tmp_path):
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    other.save_weights(tmp_path / "x.weights.h5")
    backbone = small.build("se_resnet50", include_top=False)
    nested = keras.Sequential([keras.Input((64, 64, 3)), backbone])
    nested.save_weights(tmp_path / "nested.weights.h5")
    for use in (recognize, lambda path: NETWORKS["se_resnet50"](weights=path)):
        with pytest.raises(ValueError, match="of one network of this package"):
            use(tmp_path / "x.weights.h5")
    found = recognize(tmp_path / "nested.weights.h5")
    assert (found.network, found.arguments["include_top"]) == ("se_resnet50", False)


@pytest.mark.parametrize("weights", [False, 3, [1], b"x.pth"])
def test_weights_of_another_type(weights):
    with pytest.raises(ValueError, match="`weights` should be None, a name or a path"):
        NETWORKS["se_resnet50"](weights=weights)


def test_a_file_without_a_classifier(tmp_path):
    features = small.build("se_resnet50", include_top=False)
    state = small.state("se_resnet50", features, "timm", top=False)
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"not in the file: fc\.bias, fc\.weight"):
        NETWORKS["se_resnet50"](weights=tmp_path / "x.safetensors", classes=3)
    with pytest.warns(UserWarning, match=r"Not loaded: predictions\.") as caught:
        model = NETWORKS["se_resnet50"](
            weights=tmp_path / "x.safetensors", classes=3, skip_mismatch=True
        )
    # The warning is about the line above, not about one of ours.
    assert caught[0].filename == __file__
    ours, theirs = (
        x.get_layer("stage3_block1_conv3").kernel for x in (model, features)
    )
    np.testing.assert_array_equal(ours, theirs)


def test_conversion_of_a_network_whose_classifier_wants_one_size(tmp_path):
    source = keras_senet.SEVGG16(classes=2, input_shape=(64, 64, 3), reduction=64)
    source.save_weights(tmp_path / "x.weights.h5")
    found = recognize(tmp_path / "x.weights.h5")
    assert found.arguments["input_shape"] == (64, 64, 3)
    assert found.changed() == {
        "classes": 2,
        "input_shape": (64, 64, 3),
        "reduction": 64,
    }
