"""From `weights="imagenet"` to logits, by way of a server that speaks for the hub."""

import hashlib
import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import small
from safetensors.numpy import save
from weights.torch_format import WRITERS, tensor

import keras_senet
from keras_senet.models.families import NETWORKS
from keras_senet.weights import catalog, sources
from keras_senet.weights.catalog import CHECKPOINTS, IMAGENET, checkpoint
from keras_senet.weights.classes import imagenet_classes
from keras_senet.weights.names import dialect

HUB = "/timm/seresnet50.ra2_in1k/resolve/main/model.safetensors"


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    small.use(monkeypatch)


def outputs(model):
    images = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    x = keras_senet.preprocess_input(images, model)
    return keras.ops.convert_to_numpy(model(x, training=False))


@pytest.fixture
def source(server):
    """The network that the hub has."""
    model = small.build("se_resnet50")
    server.files[HUB] = save(small.state("se_resnet50", model, "timm"))
    return model


@pytest.mark.parametrize("weights", ["imagenet", "seresnet50.ra2_in1k", "hf"])
def test_fetched_named_and_remembered(source, weights, tmp_path):
    weights = "hf://timm/seresnet50.ra2_in1k" if weights == "hf" else weights
    model = NETWORKS["se_resnet50"](weights=weights)
    images = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((images / 255 - mean) / std).astype("float32")
    expected = keras.ops.convert_to_numpy(source(x, training=False))
    np.testing.assert_allclose(outputs(model), expected, rtol=1e-4, atol=1e-7)
    names = [name for _, name in imagenet_classes()]
    assert list(model.get_layer("predictions").class_names) == names
    model.save(tmp_path / "x.keras")
    model.save_weights(tmp_path / "x.weights.h5")
    for again in (
        keras.models.load_model(tmp_path / "x.keras"),
        keras.models.clone_model(model),
        NETWORKS["se_resnet50"](weights=tmp_path / "x.weights.h5"),
        NETWORKS["se_resnet50"](weights=tmp_path / "x.keras"),
    ):
        carried = again.get_layer("provenance").checkpoint
        assert carried["tag"] == "seresnet50.ra2_in1k"
        assert carried["input"]["interpolation"] == "bicubic"


@pytest.mark.parametrize("trick", ["cut", "redirect", "drip", "error"])
def test_a_bad_connection_makes_no_other_weights(source, server, trick):
    server.tricks["GET"].append(trick)
    try:
        model = NETWORKS["se_resnet50"](weights="imagenet")
    except ValueError as error:
        assert "seresnet50.ra2_in1k" in str(error)
        model = NETWORKS["se_resnet50"](weights="imagenet")
    for ours, theirs in zip(model.weights, source.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("trick", ["missing", "corrupt", "page", "short"])
def test_what_is_not_the_file_is_an_error_in_words(source, server, trick):
    server.always = trick
    with pytest.raises(ValueError, match="To place it by hand, save it as"):
        NETWORKS["se_resnet50"](weights="imagenet")
    server.always = None
    model = NETWORKS["se_resnet50"](weights="imagenet")
    np.testing.assert_array_equal(model.weights[0], source.weights[0])


@pytest.mark.parametrize("writer", WRITERS)
def test_legacy_weights_from_a_plain_server(server, monkeypatch, tmp_path, writer):
    source = small.build("se_resnet18")
    state = small.state("se_resnet18", source, "cadene")
    content = {
        name: tensor(array, str(i)) for i, (name, array) in enumerate(state.items())
    }
    WRITERS[writer](tmp_path / "x.pth", content)
    data = (tmp_path / "x.pth").read_bytes()
    digits = hashlib.sha256(data).hexdigest()
    server.files["/releases/x.pth"] = data
    row = replace(
        checkpoint("legacy_seresnet18"),
        url=f"{server.url}/releases/x.pth",
        hashes=("sha256", digits[:8]),
    )
    for module in (catalog, sources):
        monkeypatch.setattr(module, "CHECKPOINTS", (row,))
    server.tricks["GET"].append("corrupt")
    with pytest.raises(ValueError, match=f"should begin with {digits[:8]}"):
        NETWORKS["se_resnet18"](weights="imagenet")
    model = NETWORKS["se_resnet18"](weights="imagenet")
    assert model.get_layer("provenance").facts["variant"] == "caffe"
    assert model.get_layer("stage2_block1_se_relu")
    for name, weight in (("stem_conv", "kernel"), ("stage3_block1_bn2", "beta")):
        ours, theirs = (getattr(x.get_layer(name), weight) for x in (model, source))
        np.testing.assert_array_equal(ours, theirs)


def test_a_repository_of_ones_own(server):
    source = small.build("se_resnet50", classes=3, variant="caffe")
    state = small.state("se_resnet50", source, "cadene")
    server.files["/me/mine/resolve/main/model.safetensors"] = save(state)
    model = NETWORKS["se_resnet50"](weights="hf://me/mine", classes=3)
    assert model.get_layer("provenance").facts["variant"] == "caffe"
    assert model.get_layer("provenance").checkpoint is None
    with pytest.raises(ValueError, match="carries no"):
        outputs(model)


def test_every_row_is_of_a_network_and_complete():
    tags = [row.tag for row in CHECKPOINTS]
    assert len(set(tags)) == len(tags)
    assert {checkpoint(tag).network for tag in IMAGENET.values()} == set(IMAGENET)
    for row in CHECKPOINTS:
        assert row.network in NETWORKS
        assert IMAGENET[row.network] in tags
        # A row states what its publisher's names imply.
        publisher = dialect(row.dialect)
        assert row.variant in (None, publisher.variant)
        assert row.use_bias == publisher.use_bias
        assert row.license and row.origin
        if row.hashes is not None:
            kind, digits = row.hashes
            assert len(digits) <= {"md5": 32, "sha256": 64, "sha384": 96}[kind]
            assert len(digits) >= 8
            int(digits, 16)
        if row.top5 is not None:
            assert 70 < row.top1 < row.top5 < 100
    # Architecture: fixed tags, each in its own dialect.
    assert checkpoint(IMAGENET["se_resnet50"]).variant == "pytorch"
    assert checkpoint(IMAGENET["se_resnet101"]).variant == "caffe"
    assert checkpoint(IMAGENET["se_bn_inception"]).variant is None


def test_list_weights():
    assert keras_senet.list_weights() == CHECKPOINTS
    assert len(keras_senet.list_weights("se_resnet50")) == 9
    with pytest.raises(ValueError, match="no published weights of 'se_resnet20'"):
        keras_senet.list_weights("se_resnet20")
    assert json.dumps([row.tag for row in keras_senet.list_weights("senet154")])
