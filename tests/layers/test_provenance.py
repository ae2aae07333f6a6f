import keras
import numpy as np
import pytest
from conventions import CAFFE, claim

import keras_senet
from keras_senet.layers import Classifier, Provenance
from keras_senet.preprocessing import input_convention
from keras_senet.weights.sources import opened


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "caffe.weights.h5"
    keras.utils.set_random_seed(3)
    small(variant="caffe").save_weights(path)
    return path


def small(**arguments):
    arguments = {"weights": None, "classes": 5, "input_shape": (32, 32, 3), **arguments}
    return keras_senet.SEResNet18(**arguments)


def test_weights_round_trip_takes_the_dialect_of_the_file(weights):
    assert opened(weights).facts["variant"] == "caffe"
    model = small(weights=weights)
    assert model.get_layer("provenance").facts["variant"] == "caffe"
    keras.utils.set_random_seed(3)
    for got, expected in zip(
        model.get_weights(), small(variant="caffe").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "pytorch"}, "variant is 'caffe' in the file and 'pytorch' here"),
        ({"gate_activation": "tanh"}, "gate_activation is 'sigmoid' in the file"),
        ({"squeeze": "max"}, "squeeze is 'avg' in the file and 'max' here"),
        ({"reduction": 8}, "reduction is 16 in the file and 8 here"),
        ({"use_bias": False}, "use_bias is True in the file and False here"),
        ({"se_stages": (2,)}, "stages is None in the file"),
        ({"se_placement": "identity"}, "placement is 'standard' in the file"),
        ({"classes": 4}, r"predictions/1 \(5,\) for predictions/bias \(4,\)"),
    ],
)
def test_contradicting_arguments_are_refused(weights, arguments, message):
    with pytest.raises(ValueError, match=message):
        small(weights=weights, **arguments)


def test_keras_own_loading_refuses_another_dialect_too(weights):
    with pytest.raises(ValueError, match="variant is 'caffe' in the file"):
        small(variant="pytorch").load_weights(weights)


def test_skip_mismatch_keeps_the_head_random_but_never_the_dialect(weights):
    with pytest.warns(UserWarning, match="Not loaded: predictions"):
        model = small(weights=weights, classes=4, skip_mismatch=True)
    reference = small(weights=weights)
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").get_weights()[0],
        reference.get_layer("stem_conv").get_weights()[0],
    )
    with pytest.raises(ValueError, match="variant is 'caffe'"):
        small(weights=weights, classes=4, skip_mismatch=True, variant="pytorch")


def test_without_the_top(weights):
    model = small(weights=weights, include_top=False)
    reference = small(weights=weights)
    name = "stage5_block2_bn2"
    for got, expected in zip(
        model.get_layer(name).get_weights(),
        reference.get_layer(name).get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(got, expected)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no weights file"):
        small(weights=tmp_path / "none.weights.h5")
    (tmp_path / "text.weights.h5").write_text("not HDF5")
    with pytest.raises(ValueError, match="cannot be read as weights: it is text"):
        small(weights=tmp_path / "text.weights.h5")
    with pytest.raises(ValueError, match="`weights` should be None, 'imagenet'"):
        small(weights="model")


def test_facts_and_class_names_survive_files_clones_and_new_heads(tmp_path):
    model = small(variant="caffe")
    model.get_layer("predictions").class_names = list("abcde")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for again in (loaded, keras.models.clone_model(model)):
        assert again.get_layer("provenance").facts["variant"] == "caffe"
        assert again.get_layer("predictions").class_names == tuple("abcde")
    features = loaded.get_layer("avg_pool").output
    tuned = keras.Model(loaded.input, keras.layers.Dense(2)(features))
    assert tuned.get_layer("provenance").facts["network"] == "se_resnet18"
    assert not any(isinstance(layer, Classifier) for layer in tuned.layers)


def test_provenance_passes_through():
    x = np.arange(6.0, dtype="float32").reshape(1, 2, 3)
    layer = Provenance({"stages": (2, 3)})
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x)), x)
    assert layer.facts == {"stages": [2, 3]}
    assert Provenance.from_config(layer.get_config()).facts == layer.facts


def test_class_names_must_fit():
    with pytest.raises(ValueError, match=r"each of the 3 units. Received: 2 names"):
        Classifier(3, class_names=("a", "b"))


@pytest.mark.slow
def test_weights_take_their_checkpoint_along_and_away(tmp_path):
    published, plain = tmp_path / "published.weights.h5", tmp_path / "plain.weights.h5"
    small().save_weights(plain)
    model = small()
    model.get_layer("provenance").checkpoint = claim(CAFFE)
    model.save_weights(published)

    built = small(weights=published)
    loaded = small()
    loaded.load_weights(published)
    for each in (built, loaded):
        assert input_convention(each) == CAFFE
        assert each.get_layer("provenance").checkpoint["tag"] == "a.tag"
    loaded.load_weights(plain)
    assert loaded.get_layer("provenance").checkpoint is None
    with pytest.warns(UserWarning, match="Not loaded: predictions"):
        tuned = small(weights=published, classes=4, skip_mismatch=True)
    assert input_convention(tuned) == CAFFE


def test_refused_weights_take_the_checkpoint_away(weights):
    """For Keras loads what it can before it says what it could not."""
    model = small(variant="pytorch")
    model.get_layer("provenance").checkpoint = claim(CAFFE)
    with pytest.raises(ValueError, match="variant is 'caffe' in the file"):
        model.load_weights(weights)
    assert model.get_layer("provenance").checkpoint is None


def test_transferred_weights_take_their_checkpoint_along_and_away():
    published, plain, model = small(), small(), small(reduction=8)
    published.get_layer("provenance").checkpoint = claim(CAFFE)
    keras_senet.transfer_weights(published, model)
    assert input_convention(model) == CAFFE
    keras_senet.transfer_weights(plain, model)
    assert model.get_layer("provenance").checkpoint is None


def test_configs_from_before_there_were_checkpoints():
    config = {"name": "provenance", "trainable": True, "facts": {"network": "x"}}
    assert Provenance.from_config(config).checkpoint is None


def test_no_two_layers_share_a_checkpoint():
    layer = Provenance({}, claim(CAFFE))
    again = Provenance.from_config(layer.get_config())
    layer.checkpoint["input"]["size"] = 1
    assert again.checkpoint["input"]["size"] == layer.checkpoint["input"]["size"] == 224
