"""Each rewrite, on a graph of a few nodes, in ONNX Runtime."""

import numpy as np
import pytest
from onnx_runs import session

from keras_senet.export.onnx_graph import OnnxGraph
from keras_senet.export.onnx_rewrites import simplify

pytestmark = pytest.mark.export
pytest.importorskip("onnxruntime")
RNG = np.random.default_rng(0)
MAPS = RNG.normal(size=(2, 4, 7, 9)).astype("float32")
KERNEL = RNG.normal(size=(6, 4, 3, 3)).astype("float32")
ZERO = np.float32(0)
# Above, left, below, right.
PADS = np.array([0, 0, 1, 0, 0, 0, 2, 1])


def node(kind, inputs, output, **attributes):
    from onnx import helper

    return helper.make_node(kind, inputs.split(), [output], **attributes)


def model(nodes, constants, rank=4):
    from onnx import TensorProto, helper, numpy_helper

    shape = ["batch", *MAPS.shape[1:]]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)],
        [numpy_helper.from_array(np.asarray(x), name) for name, x in constants.items()],
    )
    sets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=sets, ir_version=8)


def simplified(nodes, constants, *, rank=4, atol=1e-6):
    """The nodes that are left, once they are proven to give the same answer."""
    import onnx

    proto = model(nodes, constants, rank)
    (expected,) = session(proto.SerializeToString()).run(None, {"x": MAPS})
    graph = OnnxGraph(proto)
    simplify(graph)
    after = graph.finish()
    onnx.checker.check_model(after, full_check=True)
    (answer,) = session(after.SerializeToString()).run(None, {"x": MAPS})
    np.testing.assert_allclose(answer, expected, rtol=0, atol=atol)
    return after.graph


def kinds(graph):
    return [node.op_type for node in graph.node]


def test_padding_goes_into_a_convolution():
    nodes = [
        node("Pad", "x pads zero", "padded"),
        node("Conv", "padded w", "y", auto_pad="VALID", strides=[2, 2]),
    ]
    graph = simplified(nodes, {"pads": PADS, "zero": ZERO, "w": KERNEL}, atol=1e-5)
    assert kinds(graph) == ["Conv"]


@pytest.mark.parametrize("before", ["Relu", "Neg"])
def test_padding_goes_into_a_maximum_only_of_what_is_not_negative(before):
    nodes = [
        node(before, "x", "a"),
        node("Pad", "a pads zero", "padded"),
        node("MaxPool", "padded", "y", kernel_shape=[3, 3], strides=[2, 2]),
    ]
    graph = simplified(nodes, {"pads": PADS, "zero": ZERO})
    padding = [] if before == "Relu" else ["Pad"]
    assert kinds(graph) == [before, *padding, "MaxPool"]


def test_padding_goes_into_a_mean_that_counts_it():
    nodes = [
        node("Pad", "x pads zero", "padded"),
        node("AveragePool", "padded", "y", kernel_shape=[3, 3], strides=[2, 2]),
    ]
    graph = simplified(nodes, {"pads": PADS, "zero": ZERO})
    assert kinds(graph) == ["AveragePool"]


@pytest.mark.parametrize(
    ("pads", "value", "mode"),
    [
        (PADS, 1.0, "constant"),
        (PADS, 0.0, "edge"),
        (np.array([0, 1, 0, 0, 0, 1, 0, 0]), 0.0, "constant"),
        (np.array([0, 0, 1, 0, 0, 0, -1, 0]), 0.0, "constant"),
    ],
)
def test_other_padding_stays(pads, value, mode):
    channels = 4 + pads[1] + pads[5]
    kernel = RNG.normal(size=(6, channels, 3, 3)).astype("float32")
    nodes = [
        node("Pad", "x pads value", "padded", mode=mode),
        node("Conv", "padded w", "y"),
    ]
    constants = {"pads": pads, "value": np.float32(value), "w": kernel}
    assert kinds(simplified(nodes, constants)) == ["Pad", "Conv"]


def test_padding_of_two_readers_stays_for_the_one_that_needs_it():
    nodes = [
        node("Pad", "x pads zero", "padded"),
        node("Conv", "padded w", "a"),
        node("Shape", "padded", "size"),
        node("Cast", "size", "numbers", to=1),
        node("ReduceMax", "numbers", "most"),
        node("Mul", "a most", "y"),
    ]
    graph = simplified(nodes, {"pads": PADS, "zero": ZERO, "w": KERNEL}, atol=1e-4)
    assert kinds(graph).count("Pad") == 1
    (conv,) = [x for x in graph.node if x.op_type == "Conv"]
    assert conv.input[0] == "x"


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(6, 1, 1), (1, 6, 1, 1), (1,), (1, 1, 1, 1)])
def test_scales_and_shifts_go_into_a_convolution(shape, bias):
    constants = {
        "w": KERNEL,
        "scale": RNG.normal(size=shape).astype("float32"),
        "shift": RNG.normal(size=shape).astype("float32"),
    }
    if bias:
        constants["b"] = RNG.normal(size=6).astype("float32")
    nodes = [
        node("Conv", "x w b" if bias else "x w", "a"),
        node("Mul", "scale a", "m"),
        node("Add", "m shift", "y"),
    ]
    assert kinds(simplified(nodes, constants, atol=2e-5)) == ["Conv"]


@pytest.mark.parametrize("shape", [(7,), (5, 1), (1, 6, 5, 1), (2, 1, 1, 1)])
def test_scales_of_something_else_than_channels_stay(shape):
    constants = {"w": KERNEL, "scale": RNG.normal(size=shape).astype("float32")}
    nodes = [node("Conv", "x w", "a"), node("Mul", "a scale", "y")]
    assert kinds(simplified(nodes, constants)) == ["Conv", "Mul"]


def test_a_convolution_with_two_readers_keeps_its_weights():
    nodes = [
        node("Conv", "x w", "a"),
        node("Mul", "a two", "b"),
        node("Add", "a b", "y"),
    ]
    graph = simplified(nodes, {"w": KERNEL, "two": np.float32(2)})
    assert kinds(graph) == ["Conv", "Mul", "Add"]


def test_reshapes_to_the_same_shape_go():
    nodes = [
        node("GlobalAveragePool", "x", "a"),
        node("Squeeze", "a axes", "b"),
        node("Reshape", "b shape", "c"),
        node("Reshape", "c shape", "d"),
        node("Sigmoid", "d", "y"),
    ]
    constants = {"axes": np.array([2, 3]), "shape": np.array([-1, 4, 1, 1])}
    assert kinds(simplified(nodes, constants)) == ["GlobalAveragePool", "Sigmoid"]


def test_other_reshapes_stay():
    nodes = [node("Reshape", "x shape", "y")]
    for shape in ([-1, 4, 9, 7], [0, 7, -1, 9], [-1, 4, 63]):
        constants = {"shape": np.array(shape)}
        assert kinds(simplified(nodes, constants, rank=len(shape))) == ["Reshape"]


def test_transpositions_join():
    there = node("Transpose", "x", "a", perm=[0, 2, 3, 1])
    back = node("Transpose", "a", "b", perm=[0, 3, 1, 2])
    other = node("Transpose", "a", "b", perm=[0, 2, 1, 3])
    end = node("Relu", "b", "y")
    assert kinds(simplified([there, back, end], {})) == ["Relu"]
    assert kinds(simplified([there, other, end], {})) == ["Transpose", "Relu"]


@pytest.mark.parametrize("keepdims", [1, 0])
def test_means_over_maps_are_global_pooling(keepdims):
    nodes = [
        node("ReduceMean", "x", "a", axes=[-1, 2], keepdims=keepdims),
        node("Identity", "a", "y"),
    ]
    graph = simplified(nodes, {}, rank=4 if keepdims else 2)
    assert kinds(graph) == ["GlobalAveragePool" if keepdims else "ReduceMean"]


def test_products_with_bias_are_gemm():
    constants = {
        "axes": np.array([2, 3]),
        "w": RNG.normal(size=(4, 3)).astype("float32"),
        "b": RNG.normal(size=3).astype("float32"),
    }
    nodes = [
        node("GlobalAveragePool", "x", "a"),
        node("Squeeze", "a axes", "c"),
        node("MatMul", "c w", "d"),
        node("Add", "b d", "y"),
    ]
    graph = simplified(nodes, constants, rank=2)
    assert kinds(graph) == ["GlobalAveragePool", "Squeeze", "Gemm"]


def test_shuffles_stay_channels_first_behind_a_padding():
    constants = {
        "split": np.array([-1, 7, 9, 2, 2]),
        "merge": np.array([-1, 7, 9, 4]),
        "pads": np.array([0, 1, 2, 0, 0, 1, 0, 0]),
        "zero": ZERO,
        "w": KERNEL,
    }
    nodes = [
        node("Relu", "x", "r"),
        node("Transpose", "r", "a", perm=[0, 2, 3, 1]),
        node("Reshape", "a split", "b"),
        node("Transpose", "b", "c", perm=[0, 1, 2, 4, 3]),
        node("Reshape", "c merge", "d"),
        node("Pad", "d pads zero", "e"),
        node("Transpose", "e", "f", perm=[0, 3, 1, 2]),
        node("Conv", "f w", "y"),
    ]
    graph = simplified(nodes, constants, atol=1e-5)
    assert kinds(graph) == ["Relu", "Reshape", "Transpose", "Reshape", "Conv"]


def test_equal_constants_are_one_and_unread_ones_go():
    nodes = [node("Mul", "x a", "m"), node("Add", "m b", "y")]
    two = np.float32(2)
    graph = simplified(nodes, {"a": two, "b": two.copy(), "c": two})
    assert [x.name for x in graph.initializer] == ["a"]


@pytest.mark.parametrize("product", ["MatMul", "Gemm"])
def test_maps_are_flattened_as_they_are(product):
    constants = {
        "all": np.array([-1, 4 * 7 * 9]),
        "w": RNG.normal(size=(4 * 7 * 9, 3)).astype("float32"),
    }
    nodes = [
        node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
        node("Reshape", "a all", "b"),
        node(product, "b w", "y"),
    ]
    graph = simplified(nodes, constants, rank=2, atol=1e-4)
    assert kinds(graph) == ["Flatten", product]


def test_flattening_for_others_keeps_the_order():
    nodes = [
        node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
        node("Reshape", "a all", "y"),
    ]
    graph = simplified(nodes, {"all": np.array([-1, 4 * 7 * 9])}, rank=2)
    assert kinds(graph) == ["Transpose", "Flatten"]
