"""What the block adds to the graphs of three export formats, op by op."""

import collections

import keras
import numpy as np
import pytest

import keras_senet

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
BLOCKS = 3


def network(with_se):
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((16, 16, 32), name="images")
    for _ in range(BLOCKS):
        branch = keras.layers.Conv2D(32, 1)(x)
        if with_se:
            branch = keras_senet.SqueezeExcite(4)(branch)
        x = keras.layers.ReLU()(keras.layers.Add()([x, branch]))
    return keras.Model(inputs, x)


def function(model):
    import tensorflow as tf

    signature = [tf.TensorSpec((None, 16, 16, 32), tf.float32, name="images")]
    return tf.function(lambda x: model(x, training=False), input_signature=signature)


def added(with_se, without):
    """Ops for each block, on top of the network without SE."""
    difference = collections.Counter(with_se)
    difference.subtract(without)
    assert all(count % BLOCKS == 0 for count in difference.values())
    return {op: count // BLOCKS for op, count in difference.items() if count}


def test_onnx():
    import onnxruntime
    import tf2onnx

    counts = []
    for with_se in (True, False):
        model = network(with_se)
        run = function(model)
        proto, _ = tf2onnx.convert.from_function(
            run, input_signature=run.input_signature, opset=17
        )
        counts.append(collections.Counter(node.op_type for node in proto.graph.node))
        session = onnxruntime.InferenceSession(proto.SerializeToString())
        x = np.random.default_rng(0).normal(size=(3, 16, 16, 32)).astype("float32")
        (y,) = session.run(None, {"images": x})
        np.testing.assert_allclose(y, model(x), atol=1e-4)
    # From (N, C, 1, 1) to itself: how tf2onnx writes the transposition of a squeezed
    # map. How many of them its optimizer then removes is not the same in every process.
    reshapes = counts[0].pop("Reshape") - counts[1].pop("Reshape", 0)
    assert reshapes <= 2 * BLOCKS
    assert added(*counts) == {
        "GlobalAveragePool": 1,
        "Conv": 2,
        "Relu": 1,
        "Sigmoid": 1,
        "Mul": 1,
    }


def test_tflite(tmp_path):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    counts = []
    for with_se in (True, False):
        model = network(with_se)
        archive = keras.export.ExportArchive()
        run = function(model)
        archive.add_endpoint(
            "serving_default", run.python_function, input_signature=run.input_signature
        )
        archive.write_out(str(tmp_path / str(with_se)), verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(tmp_path / str(with_se)), signature_keys=["serving_default"]
        )
        interpreter = Interpreter(model_content=converter.convert())
        names = [op["op_name"] for op in interpreter._get_ops_details()]
        counts.append(collections.Counter(n for n in names if n != "DELEGATE"))
        answer = interpreter.get_signature_runner("serving_default")
        x = np.random.default_rng(0).normal(size=(3, 16, 16, 32)).astype("float32")
        (y,) = answer(images=x).values()
        np.testing.assert_allclose(y, model(x), atol=1e-4)
    # The ReLUs are part of the convolutions.
    assert added(*counts) == {"MEAN": 1, "CONV_2D": 2, "LOGISTIC": 1, "MUL": 1}


def test_frozen_tensorflow_graph():
    from tensorflow.python.framework import convert_to_constants

    counts = []
    for with_se in (True, False):
        concrete = function(network(with_se)).get_concrete_function()
        frozen = convert_to_constants.convert_variables_to_constants_v2(concrete)
        operations = frozen.graph.get_operations()
        silent = ("Const", "Identity", "NoOp")
        counts.append(
            collections.Counter(op.type for op in operations if op.type not in silent)
        )
    found = added(*counts)
    # Of the constant kernels, folded when the graph is optimized.
    assert found.pop("Reshape") == 2
    assert found == {
        "Mean": 1,
        "Conv2D": 2,
        "BiasAdd": 2,
        "Relu": 1,
        "Sigmoid": 1,
        "Mul": 1,
    }
