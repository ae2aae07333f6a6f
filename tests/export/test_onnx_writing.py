import keras
import numpy as np
import pytest
from lite_runs import bottlenecks, difference, over
from onnx_runs import answers, operations, session
from seeded import seed_weights

import keras_senet
from keras_senet.export.description import KEY, Description
from keras_senet.export.folding import fold
from keras_senet.export.onnx_writing import write_onnx

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
DESCRIPTION = Description(
    name="Small",
    shape=(16, 16, 3),
    pixels="Standardized",
    output="logits",
    class_names=("cat", "dog", "emu", "fox", "gnu"),
)
IMAGES = np.random.default_rng(0).normal(size=(16, 16, 16, 3)).astype("float32")
# A stem, two blocks of three convolutions and two matrices, sums and a classifier.
OPERATIONS = {
    "Conv": 11,
    "Relu": 8,
    "GlobalAveragePool": 3,
    "Sigmoid": 2,
    "Mul": 2,
    "Add": 2,
    "Squeeze": 1,
    "Gemm": 1,
}


@pytest.fixture(scope="module")
def model():
    return bottlenecks()


@pytest.fixture(scope="module")
def write(model, tmp_path_factory):
    def write(model=model, description=DESCRIPTION, **arguments):
        path = tmp_path_factory.mktemp("onnx") / "small.onnx"
        write_onnx(model, path, description, **arguments)
        return path

    return write


@pytest.fixture(scope="module")
def path(write):
    return write()


@pytest.mark.parametrize("batch", [1, 8])
def test_gives_the_answers_of_keras(path, model, batch):
    expected = model.predict_on_batch(IMAGES[:batch])
    assert difference(expected, answers(path, IMAGES[:batch])) <= 1e-5


def test_operations_are_the_fewest(path):
    assert operations(path) == {**OPERATIONS, "Transpose": 1}


def test_channels_first_needs_no_transposition(write, model):
    path = write(data_format="channels_first")
    assert operations(path) == OPERATIONS
    answer = answers(path, np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1)))
    assert difference(model.predict_on_batch(IMAGES), answer) <= 1e-5


def test_says_what_it_is(path):
    import onnx

    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    assert [(x.domain, x.version) for x in proto.opset_import] == [("", 17)]
    assert proto.ir_version <= 8
    opened = session(path)
    (given,), (answer,) = opened.get_inputs(), opened.get_outputs()
    assert (given.name, given.shape) == ("images", ["batch", 16, 16, 3])
    assert (answer.name, answer.shape) == ("logits", ["batch", 5])
    told = opened.get_modelmeta().custom_metadata_map
    assert Description.from_json(told[KEY]) == DESCRIPTION
    assert told["labels"].split("\n") == ["cat", "dog", "emu", "fox", "gnu"]
    names = {node.name for node in proto.graph.node}
    assert {"conv2d/Conv", "se0/Mul", "se1_reduce/Relu", "logits"} <= names


def test_squeezes_before_the_convolution(path):
    import onnx

    # Not the 64 channels that the blocks recalibrate.
    kernels = {x.name: tuple(x.dims) for x in onnx.load(path).graph.initializer}
    assert kernels["se0_reduce/weights"] == (16, 16, 1, 1)


def test_any_height_and_width(write):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same")(inputs)
    x = keras_senet.SqueezeExcite(2)(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    seed_weights(model)
    path = write(model)
    assert session(path).get_inputs()[0].shape == ["batch", "height", "width", 3]
    for images in (IMAGES, IMAGES[:, :7, :13]):
        images = np.ascontiguousarray(images)
        expected = model.predict_on_batch(images)
        assert difference(expected, answers(path, images)) <= 1e-5


def test_gelu_and_dense_over_maps(write):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Dense(12, activation="gelu")(inputs)
    squeezed = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = keras.layers.Dense(12, activation="sigmoid")(squeezed)
    model = keras.Model(inputs, keras.layers.Multiply()([x, gate]))
    seed_weights(model)
    path = write(model)
    expected = model.predict_on_batch(IMAGES)
    assert difference(expected, answers(path, IMAGES)) <= 1e-5
    found = operations(path)
    assert (found["Conv"], found["Erf"], found["Transpose"]) == (2, 1, 2)
    assert not {"MatMul", "Shape", "Gather", "Reshape", "Cast"} & set(found)


def test_keras_own_grouped_convolution(write):
    model = over(keras.layers.Conv2D(6, 3, groups=3), (16, 16, 3))
    seed_weights(model)
    path = write(fold(model))
    expected = model.predict_on_batch(IMAGES)
    assert difference(expected, answers(path, IMAGES)) <= 1e-5
    assert operations(path) == {"Transpose": 2, "Conv": 1}


def test_pixels_in_uint8(write):
    inputs = keras.Input((16, 16, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3)(x))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    expected = model.predict_on_batch(pixels)
    for precision, limit in (("float32", 1e-5), ("float16", 1e-2)):
        path = write(model, precision=precision)
        assert session(path).get_inputs()[0].type == "tensor(uint8)"
        assert difference(expected, answers(path, pixels)) <= limit
