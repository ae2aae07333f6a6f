"""Files of Keras 2, of which those of `classification_models` are read."""

import hashlib
import itertools
import re
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from keras2_format import write_keras2
from seeded import seed_weights

import keras_senet
from keras_senet.checkpoints.recognition import recognize
from keras_senet.errors import InputError
from keras_senet.weights import sources
from keras_senet.weights.checkpoint import Checkpoint
from keras_senet.weights.readers import read_tensors

CAVEAT = "pad the stem's pool"
SMALL = {"input_shape": (64, 64, 3), "classes": 10}
ONE = np.ones(1, "float32")
BN = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), ONE)
CONV = {"kernel": np.ones((1, 1, 1, 1), "float32")}
DENSE = {"kernel": np.ones((1, 1), "float32"), "bias": ONE}
PLAIN = [
    ("conv2d", CONV),
    ("activation", {}),
    ("batch_normalization", BN),
    ("dense", DENSE),
]


@pytest.fixture(scope="module")
def model():
    """The smallest of ours that is built like those of the package."""
    found = keras_senet.SEResNeXt26(weights=None, variant="caffe", **SMALL)
    seed_weights(found)
    return found


def layers_of(model, groups=32):
    """The layers with weights as the package would have them, in its order."""

    def arrays(name):
        layer = model.get_layer(name)
        return {x.name: keras.ops.convert_to_numpy(x) for x in layer.weights}

    def conv_bn(conv, groups=1):
        for part in np.split(arrays(conv)["kernel"], groups, axis=-1):
            yield "conv2d", {"kernel": part}
        yield "batch_normalization", arrays(conv.replace("conv", "bn"))

    yield "input!", {}
    yield from conv_bn("stem_conv")
    for stage, block in itertools.product((2, 3, 4, 5), (1, 2)):
        prefix = f"stage{stage}_block{block}_"
        for number, count in ((1, 1), (2, groups), (3, 1)):
            yield from conv_bn(f"{prefix}conv{number}", count)
        se = arrays(f"{prefix}se")
        for matrix in ("reduce", "expand"):
            kernel = se[f"{matrix}_kernel"][None, None]
            yield "conv2d", {"kernel": kernel, "bias": se[f"{matrix}_bias"]}
        if block == 1:
            yield from conv_bn(f"{prefix}proj_conv")
    yield "dense", arrays("predictions")


def same(model, other):
    known = {x.path: keras.ops.convert_to_numpy(x) for x in other.weights}
    assert {x.path for x in model.weights} <= known.keys()
    for weight in model.weights:
        found = keras.ops.convert_to_numpy(weight)
        np.testing.assert_array_equal(found, known[weight.path], weight.path)


@pytest.mark.slow
@pytest.mark.parametrize("whole", [False, True])
def test_a_file_of_the_package(tmp_path, model, whole):
    path = write_keras2(tmp_path / "x.h5", layers_of(model), whole=whole)
    # Of the numbers in the names nothing follows: they do not rise with the order.
    found = recognize(path)
    assert (found.network, found.publisher) == ("se_resnext26", "qubvel")
    assert found.arguments == {
        "reduction": 16,
        "use_bias": True,
        "input_shape": (224, 224, 3),
        "classes": 10,
    }
    with pytest.warns(UserWarning, match=CAVEAT) as caught:
        loaded = keras_senet.SEResNeXt26(weights=path, **SMALL)
    assert caught[0].filename == __file__
    assert loaded.get_layer("provenance").facts["variant"] == "caffe"
    same(loaded, model)


def test_published_files_are_known_by_their_hash(tmp_path, model, monkeypatch):
    row = Checkpoint(
        tag="small",
        network="se_resnext26",
        dialect="qubvel",
        file="small_imagenet_10.h5",
        hashes=("md5", "00"),
        variant="caffe",
        classes=10,
        license="MIT",
        origin="this test",
    )
    path = tmp_path / "keras_senet" / row.file
    path.parent.mkdir()
    write_keras2(path, layers_of(model))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(sources, "CHECKPOINTS", (row,))
    with pytest.raises(InputError, match=r"MD5 of .* should begin with 00"):
        keras_senet.SEResNeXt26(weights="small", **SMALL)
    row = replace(row, hashes=("md5", hashlib.md5(path.read_bytes()).hexdigest()))
    monkeypatch.setattr(sources, "CHECKPOINTS", (row,))
    # Warnings are errors: of what was published there is nothing to say.
    loaded = keras_senet.SEResNeXt26(weights="small", **SMALL)
    same(loaded, model)
    assert loaded.get_layer("provenance").checkpoint["tag"] == "small"
    assert sources.opened(path).row == row


@pytest.mark.slow
def test_with_and_without_a_classifier(tmp_path, model):
    layers = list(layers_of(model))
    with_top = write_keras2(tmp_path / "x.h5", layers)
    without = write_keras2(tmp_path / "x_no_top.h5", layers[:-1])
    assert recognize(without).arguments["include_top"] is False
    for path in (with_top, without):
        with pytest.warns(UserWarning, match=CAVEAT):
            body = keras_senet.SEResNeXt26(weights=path, include_top=False)
        same(body, model)
    with pytest.raises(ValueError, match=r"not in the file: dense\.bias"):
        keras_senet.SEResNeXt26(weights=without, **SMALL)


def test_long_lists_of_names_are_in_parts(tmp_path):
    layers = [(f"lambda_{'x' * 90}{n}!", {}) for n in range(2000)] + PLAIN
    path = write_keras2(tmp_path / "x.h5", layers)
    with h5py.File(path) as file:
        assert "layer_names2" in file.attrs
    assert list(read_tensors(path).tensors) == [
        "0.conv2d.kernel",
        *(f"1.batch_normalization.{weight}" for weight in BN),
        "dense.kernel",
        "dense.bias",
    ]


@pytest.mark.slow
def test_what_does_not_fit(tmp_path, model):
    layers = list(layers_of(model))
    path = write_keras2(tmp_path / "x.h5", layers)
    with pytest.raises(ValueError, match="not in the file"):
        keras_senet.SEResNeXt50(weights=path)
    with pytest.raises(ValueError, match="`variant` should be None or 'caffe'"):
        keras_senet.SEResNeXt26(weights=path, variant="pytorch")
    kernels = [n for n, (_, x) in enumerate(layers) if x.get("kernel", ONE).ndim == 4]
    # A kernel and the normalization behind it, exchanged; two kernels of a kind.
    layers[1], layers[2] = layers[2], layers[1]
    with pytest.raises(InputError, match="fits no network"):
        recognize(write_keras2(tmp_path / "y.h5", layers))
    layers[1], layers[2] = layers[2], layers[1]
    layers[kernels[1]], layers[kernels[-1]] = layers[kernels[-1]], layers[kernels[1]]
    path = write_keras2(tmp_path / "z.h5", layers)
    with pytest.raises(ValueError, match=r"of another shape: 2\.conv2d\.kernel"):
        keras_senet.SEResNeXt26(weights=path, **SMALL)


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ([("bn_data!", {"beta": ONE}), *PLAIN], {}, "pre-activation.*legacy_seresnet"),
        ([("conv1!", CONV), *PLAIN], {}, "its layer conv1 with kernel is none of"),
        ([("conv2d", CONV | {"x": ONE})], {}, "with kernel, x is none of"),
        ([("depthwise_conv2d", {"depthwise_kernel": ONE})], {}, "is none of"),
        ([*PLAIN, ("dense", DENSE)], {}, "follows the classifier"),
        (PLAIN, {"backend": "theano"}, "kernels are flipped"),
        (PLAIN, {"version": "1.2.2"}, "Keras 1 saved it"),
        ([("activation", {})], {}, "no tensors"),
    ],
)
def test_other_networks_of_keras_2(tmp_path, layers, options, message):
    path = write_keras2(tmp_path / "x.h5", layers, **options)
    with pytest.raises(InputError, match=message) as caught:
        keras_senet.SEResNet50(weights=path)
    assert str(path) in str(caught.value)


def test_a_damaged_file(tmp_path):
    path = write_keras2(tmp_path / "x.h5", PLAIN)
    file = read_tensors(path)
    with h5py.File(path, "r+") as content:
        del content[next(x for x in content if x.startswith("conv"))]
    with pytest.raises(ValueError, match="no whole HDF5 file of Keras 2"):
        read_tensors(path)
    with pytest.raises(ValueError, match=r"x\.h5 cannot be read.* damaged"):
        file.tensors["0.conv2d.kernel"].read()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=re.escape(str(path))):
        keras_senet.SEResNet50(weights=path)


def test_numbers_of_other_files_are_not_read(tmp_path):
    path = write_keras2(tmp_path / "x.h5", PLAIN)
    other = write_keras2(tmp_path / "other.h5", PLAIN)
    for link in (h5py.ExternalLink(other.name, "/dense_42/dense_42/bias:0"), None):
        with h5py.File(path, "r+") as content:
            layer = next(x for x in content if x.startswith("dense"))
            del content[layer][layer]["bias:0"]
            group = content[layer][layer]
            if link is None:
                group.create_group("bias:0")
            else:
                group["bias:0"] = link
        with pytest.raises(InputError, match="bias:0 is no array of this file"):
            read_tensors(path)


def test_our_own_networks_in_that_format_still_load(tmp_path):
    mine = keras_senet.SEResNet20(weights=None, squeeze="max")
    mine.save(tmp_path / "x.h5")
    same(keras_senet.SEResNet20(weights=tmp_path / "x.h5", squeeze="max"), mine)
    with pytest.raises(ValueError, match="squeeze is 'max' in the file"):
        keras_senet.SEResNet20(weights=tmp_path / "x.h5")
    mine.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match=r"which `model\.load_weights` reads"):
        read_tensors(tmp_path / "x.weights.h5")
