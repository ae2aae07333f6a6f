import keras
import numpy as np
import pytest
from lite_runs import bottlenecks, difference
from onnx_runs import answers, operations, session

from keras_senet.errors import InputError
from keras_senet.export.description import KEY, Description
from keras_senet.export.onnx_writing import write_onnx

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
DESCRIPTION = Description(
    name="Small", shape=(16, 16, 3), pixels="Standardized", output="logits"
)
IMAGES = np.random.default_rng(0).normal(size=(64, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return bottlenecks()


@pytest.fixture(scope="module")
def single(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "single.onnx"
    write_onnx(model, path, DESCRIPTION)
    return path


@pytest.fixture(scope="module")
def half(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "half.onnx"
    write_onnx(model, path, DESCRIPTION, precision="float16")
    return path


@pytest.fixture(scope="module")
def integers(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "integers.onnx"
    # A generator can be read only once.
    batches = (x for x in (IMAGES[:5], IMAGES[5:]))
    write_onnx(model, path, DESCRIPTION, precision="int8", representative=batches)
    return path


def test_float16_agrees(half, model):
    assert difference(model.predict_on_batch(IMAGES), answers(half, IMAGES)) <= 1e-2


def test_float16_halves_the_weights_and_keeps_the_ends(half, single):
    import onnx

    kinds = {x.data_type for x in onnx.load(half).graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    assert half.stat().st_size < 0.6 * single.stat().st_size
    opened = session(half)
    ends = (*opened.get_inputs(), *opened.get_outputs())
    assert {end.type for end in ends} == {"tensor(float)"}
    assert operations(half) == {**operations(single), "Cast": 2}


def test_float16_probabilities_are_computed_in_float32(tmp_path):
    images = keras.Input((4, 4, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 1)(images))
    model = keras.Model(images, keras.layers.Softmax()(x))
    write_onnx(model, tmp_path / "x.onnx", DESCRIPTION, precision="float16")
    answer = answers(tmp_path / "x.onnx", IMAGES[:, :4, :4])
    np.testing.assert_allclose(answer.sum(axis=-1), 1, atol=3e-7)
    assert (answer != answer.astype("float16")).mean() > 0.9


def test_float16_refuses_what_it_cannot_hold(tmp_path):
    images = keras.Input((4, 4, 3))
    layer = keras.layers.Conv2D(2, 1, bias_initializer=keras.initializers.Constant(7e4))
    with pytest.raises(InputError, match="a value of 7e\\+04, beyond the largest one"):
        write_onnx(
            keras.Model(images, layer(images)),
            tmp_path / "x.onnx",
            DESCRIPTION,
            precision="float16",
        )
    assert not list(tmp_path.iterdir())


def test_int8_agrees(integers, model):
    expected, answer = model.predict_on_batch(IMAGES), answers(integers, IMAGES)
    assert difference(expected, answer) <= 0.15
    assert (expected.argmax(-1) == answer.argmax(-1)).mean() >= 0.95


def test_int8_quantizes_every_channel_by_itself(integers):
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(integers).graph
    arrays = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    made = {x.output[0]: x for x in graph.node if x.op_type == "DequantizeLinear"}
    convs = [x for x in graph.node if x.op_type == "Conv"]
    assert len(convs) == 11
    quantized = [made[x.input[1]] for x in convs if x.input[1] in made]
    assert len(quantized) >= 7
    for node in quantized:
        weights, scales = arrays[node.input[0]], arrays[node.input[1]]
        assert weights.dtype == np.int8 and scales.shape == weights.shape[:1]
        assert np.abs(weights.reshape(len(weights), -1)).max(axis=1).min() == 127


def test_int8_says_what_it_is(integers):
    opened = session(integers)
    told = opened.get_modelmeta().custom_metadata_map
    assert Description.from_json(told[KEY]) == DESCRIPTION
    assert opened.get_inputs()[0].shape == ["batch", 16, 16, 3]
