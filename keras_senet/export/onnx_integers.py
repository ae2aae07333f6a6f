"""An ONNX model that computes in integers, quantized by ONNX Runtime's own tool."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_senet.errors import InputError
from keras_senet.export.lite_silence import silence
from keras_senet.export.onnx_graph import OnnxGraph

# What runs at a time, so that the activations of many images fit into memory.
BATCH = 8
# They make probabilities of scores.
ACTIVATIONS = ("Softmax", "Sigmoid")


def to_integers(proto: Any, batches: Iterator[np.ndarray]) -> Any:
    """Quantizes a model statically, each channel of the weights by itself.

    Activations are uint8 and weights int8, which processors multiply fastest; gates
    and their matrices, too, which costs no accuracy and saves moving maps about. What
    comes out of the classifier stays float32: classes that are close would be equal.

    Args:
        proto: The model.
        batches: Representative images, as the model takes them.

    Returns:
        The model with a pair of nodes, to integers and back, at each value that is
        to be an integer; runtimes fuse them with what stands between.

    Raises:
        InputError: If the tool is not installed, or fails.
    """
    import onnx

    try:
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ModuleNotFoundError as error:
        raise InputError(
            f"Quantization needs the package {error.name}. Install it by "
            'pip install "keras_senet[onnx]".'
        ) from error
    name = proto.graph.input[0].name
    with tempfile.TemporaryDirectory() as folder, silence():
        given, prepared = Path(folder, "given.onnx"), Path(folder, "prepared.onnx")
        given.write_bytes(proto.SerializeToString())
        try:
            quant_pre_process(
                str(given),
                str(prepared),
                # There is nothing left to optimize, and shapes are plain.
                skip_optimization=True,
                skip_symbolic_shape=True,
            )
            quantization.quantize_static(
                str(prepared),
                str(given),
                _reader(name, batches),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                nodes_to_exclude=_activation_at_end(proto),
            )
        except (InputError, OSError, MemoryError):
            raise
        except Exception as error:  # Each step of the tool has its own.
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"The model cannot be quantized: {reason}") from error
        return _with_exact_scores(onnx.load(str(given)))


def _activation_at_end(proto: Any) -> list[str]:
    (answer,) = proto.graph.output
    return [
        node.name
        for node in proto.graph.node
        if answer.name in node.output and node.op_type in ACTIVATIONS
    ]


def _with_exact_scores(proto: Any) -> Any:
    """Takes away the rounding of what the last layer of weights makes."""
    graph = OnnxGraph(proto)
    last = graph.maker(graph.outputs[0])
    if last.op_type in ACTIVATIONS:
        last = graph.maker(last.input[0])
    if last.op_type == "DequantizeLinear":
        rounded = graph.maker(last.input[0])
        maker = rounded and graph.maker(rounded.input[0])
        if maker and maker.op_type == "Gemm":
            graph.bypass(rounded)
            graph.bypass(last)
    return graph.finish()


def _reader(name: str, batches: Iterator[np.ndarray]) -> Any:
    """Gives the tool one small batch after the other."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._parts = (
                {name: batch[start : start + BATCH]}
                for batch in batches
                for start in range(0, len(batch), BATCH)
            )

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._parts, None)

    return Reader()
