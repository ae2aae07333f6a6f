import math

import keras
import numpy as np
import pytest
from lite_runs import answers, bottlenecks, difference, interpreter, over
from seeded import seed_weights

from keras_senet.export.description import Description
from keras_senet.export.lite_model import ALIGNMENT, count_operations, import_schema
from keras_senet.export.lite_writing import write_lite
from keras_senet.layers.grouped_convolution import GroupedConv2D

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
DESCRIPTION = Description(
    name="Small", shape=(16, 16, 3), pixels="Standardized", output="logits"
)
PIXELS = Description(
    name="Small", shape=(16, 16, 3), pixels="RGB, 0..255", output="logits"
)
IMAGES = np.random.default_rng(0).normal(size=(8, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return bottlenecks()


@pytest.fixture(scope="module")
def write(model, tmp_path_factory):
    def write(description=DESCRIPTION, **arguments):
        path = tmp_path_factory.mktemp("lite") / "small.tflite"
        write_lite(model, path, description, **arguments)
        return path

    return write


@pytest.fixture(scope="module")
def path(write):
    return write()


@pytest.fixture(scope="module")
def integers(write):
    # A generator can be read only once.
    return write(precision="int8", representative=(x for x in (IMAGES[:5], IMAGES[5:])))


@pytest.mark.parametrize("xnnpack", [True, False])
@pytest.mark.parametrize("batch", [1, 8])
def test_gives_the_answers_of_keras(path, model, batch, xnnpack):
    expected = model.predict_on_batch(IMAGES[:batch])
    answer = answers(path, IMAGES[:batch], xnnpack=xnnpack)
    assert difference(expected, answer) <= 1e-5


def test_signature_and_tensors_bear_the_names(path):
    made = interpreter(path)
    run = made.get_signature_runner("serving_default")
    assert set(run(images=IMAGES[:1])) == {"logits"}
    [images], [logits] = made.get_input_details(), made.get_output_details()
    assert (images["name"], logits["name"]) == ("images", "logits")
    assert images["shape_signature"].tolist() == [-1, 16, 16, 3]


def test_operations_are_the_fewest(path):
    # Two blocks: mean, two matrices, sigmoid, and two sums with their ReLUs.
    expected = {"CONV_2D": 11, "MEAN": 3, "LOGISTIC": 2, "MUL": 2, "ADD": 2}
    assert count_operations(path) == {**expected, "FULLY_CONNECTED": 1}


def test_all_of_it_runs_in_one_delegate(path):
    operations = interpreter(path)._get_ops_details()
    [delegate] = [x for x in operations if x["op_name"] == "DELEGATE"]
    assert delegate["outputs"].tolist() == [
        interpreter(path).get_output_details()[0]["index"]
    ]


def test_constants_are_aligned(path):
    content = path.read_bytes()
    model = import_schema().Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    full = [x for x in buffers if x.DataLength()]
    starts = [x._tab.Vector(x._tab.Offset(4)) for x in full]
    assert starts and not any(start % ALIGNMENT for start in starts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "limit"), [("float16", 1e-2), ("dynamic", 0.1), ("int8", 0.1)]
)
def test_smaller_numbers_give_near_answers(write, model, path, precision, limit):
    small = write(precision=precision, representative=IMAGES)
    expected = model.predict_on_batch(IMAGES)
    for xnnpack in (True, False):
        assert difference(expected, answers(small, IMAGES, xnnpack=xnnpack)) <= limit
    assert small.stat().st_size < path.stat().st_size


def test_a_grouped_convolution_in_integers(tmp_path):
    model = over(GroupedConv2D(8, 3, groups=4), (6, 6, 8))
    seed_weights(model)
    x = np.random.default_rng(1).normal(size=(4, 6, 6, 8)).astype("float32")
    path = tmp_path / "grouped.tflite"
    write_lite(model, path, DESCRIPTION, precision="int8", representative=x)
    assert count_operations(path) == {"QUANTIZE": 1, "CONV_2D": 1, "DEQUANTIZE": 1}
    expected = model.predict_on_batch(x)
    for xnnpack in (True, False):
        # Steps of 1/255 of the ranges; channels of another group would be off by 1.
        assert difference(expected, answers(path, x, xnnpack=xnnpack)) <= 0.1


def test_integers_everywhere(integers):
    operations = count_operations(integers)
    assert (operations.pop("QUANTIZE"), operations.pop("DEQUANTIZE")) == (1, 1)
    [*_, gate] = [
        x
        for x in interpreter(integers)._get_ops_details()
        if x["op_name"] == "LOGISTIC"
    ]
    tensors = interpreter(integers, xnnpack=False).get_tensor_details()
    [gates] = [x for x in tensors if x["index"] == gate["outputs"][0]]
    assert (gates["dtype"], gates["quantization"]) == (np.int8, (1 / 256, -128))


def test_integers_in_and_out(write, model):
    # Not quite all pixels: the file takes them all in steps of one all the same.
    pixels = np.random.default_rng(2).uniform(3, 250, (8, 16, 16, 3)).astype("float32")
    arguments = {"precision": "int8", "representative": pixels, "integer_io": True}
    path = write(PIXELS, **arguments)
    made = interpreter(path)
    [images], [logits] = made.get_input_details(), made.get_output_details()
    assert (images["dtype"], images["quantization"]) == (np.uint8, (1.0, 0))
    assert logits["dtype"] == np.int8
    scale, zero = logits["quantization"]
    answer = (answers(path, pixels.astype("uint8")).astype("float32") - zero) * scale
    assert difference(model.predict_on_batch(np.floor(pixels)), answer) <= 0.1
    path = write(**{**arguments, "representative": IMAGES})
    assert interpreter(path).get_input_details()[0]["dtype"] == np.int8


def test_gelu_is_the_exact_one(tmp_path):
    path = tmp_path / "gelu.tflite"
    write_lite(over(keras.layers.Activation("gelu"), (4, 4, 1)), path, DESCRIPTION)
    assert count_operations(path) == {"GELU": 1}
    x = np.linspace(-4, 4, 16, dtype="float32")
    expected = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x.tolist()]
    for xnnpack in (True, False):
        answer = answers(path, x.reshape(1, 4, 4, 1), xnnpack=xnnpack)
        # The approximation by tanh is off by 5e-4.
        np.testing.assert_allclose(answer.ravel(), expected, atol=2e-6)


@pytest.mark.slow
def test_is_quiet(model, tmp_path, capfd):
    for precision in ("float32", "int8"):
        arguments = {"precision": precision, "representative": IMAGES}
        write_lite(model, tmp_path / "small.tflite", DESCRIPTION, **arguments)
    assert capfd.readouterr() == ("", "")


def test_the_same_model_gives_the_same_file(path, write):
    assert write().read_bytes() == path.read_bytes()
