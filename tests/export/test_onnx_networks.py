import keras
import numpy as np
import pytest
import small
from exported_networks import NETWORKS
from lite_runs import difference
from onnx_runs import answers, operations
from seeded import images, seed_weights, tiny

import keras_senet
from keras_senet.export.description import Description
from keras_senet.export.folding import fold
from keras_senet.export.onnx_writing import write_onnx
from keras_senet.layers.squeeze_excite import SqueezeExcite
from keras_senet.models import families
from keras_senet.models.application import application

pytestmark = [
    pytest.mark.export,
    pytest.mark.slow,
    pytest.mark.usefixtures("only_tensorflow"),
]
# What a person would write, and nothing to carry shapes about.
BY_HAND = {
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "Gemm",
    "GlobalAveragePool",
    "MaxPool",
    "Mul",
    "Relu",
    "Sigmoid",
    "Squeeze",
    "Transpose",
}
# Shuffles of channels; the shift of shortcuts by a pixel.
BESIDES = {
    "se_shufflenet": {"Reshape"},
    "se_shake_shake26_2x96d": {"Pad", "Slice"},
    "se_vgg16": {"Flatten"},
}
# So wide or deep that only a part of them is tried.
LARGE = ("senet154", "se_resnet152d")


def network(name):
    """A network for tiny images."""
    if name not in LARGE:
        return tiny(families.NETWORKS[name], name)
    build = application("Small", name, small.spec(name))
    model = build(weights=None, classifier_activation=None)
    seed_weights(model)
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_keras(name, tmp_path):
    model = network(name)
    path, x = tmp_path / "network.onnx", images(model)
    shape = model.input_shape[1:]
    description = Description(name=name, shape=shape, pixels="", output="logits")
    write_onnx(fold(model), path, description)
    assert difference(model.predict_on_batch(x), answers(path, x)) <= 1e-5
    found = operations(path)
    assert set(found) <= BY_HAND | BESIDES.get(name, set())
    blocks = sum(isinstance(layer, SqueezeExcite) for layer in model.layers)
    assert found["Sigmoid"] == blocks
    head = 0 if name == "se_vgg16" else 1
    assert found["GlobalAveragePool"] == blocks + head
    # That of the input, and one in each shuffle.
    shuffles = blocks if name == "se_shufflenet" else 0
    assert found["Transpose"] == 1 + shuffles
    weights = 4 * model.count_params()
    if weights > 80e6:
        assert path.stat().st_size <= 1.02 * weights


@pytest.mark.parametrize(
    "name", ["MobileNetV2", "EfficientNetB0", "ConvNeXtTiny", "DenseNet121"]
)
def test_networks_of_keras_with_blocks_inserted(name, tmp_path):
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(64, 64, 3), include_top=False)
    last = model.layers[-1].name
    model = keras_senet.insert_squeeze_excite(model, after=last)
    path = tmp_path / "network.onnx"
    description = Description(
        name=name, shape=(64, 64, 3), pixels="RGB 0..255", output="features"
    )
    write_onnx(fold(model), path, description)
    x = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    assert difference(model.predict_on_batch(x), answers(path, x)) <= 1e-4
    found = operations(path)
    assert found["Transpose"] == 2
    assert not {"Shape", "Gather", "Cast", "Reshape", "MatMul"} & set(found)
