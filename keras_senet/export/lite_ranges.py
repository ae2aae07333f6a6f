"""Networks in integers whose ranges every runtime takes.

The hidden units of a narrow block may all be dead. Their range is empty then, its
scale next to nothing, and XNNPACK refuses the file, since it multiplies sums by a
ratio of scales that it wants below 256.
"""

from typing import Any

import numpy as np

from keras_senet.export.lite_model import import_schema, pack

# Of what one input times the largest weight makes. Anything below is less than
# what quantizing the inputs, in 255 steps, has changed already.
LEAST = 1e-3
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def quantized(converter: Any, input_type: Any, output_type: Any) -> bytes:
    """Converts a model to integers.

    Args:
        converter: Of TensorFlow, set up for it, with a representative data set.
        input_type: The type of the input.
        output_type: The type of the output.

    Returns:
        The model.
    """
    # Private, for want of a public way between the two steps (tests guard it).
    from tensorflow.lite.python.convert import mlir_quantize

    converter._experimental_calibrate_only = True
    calibrated = widened(converter.convert())
    return mlir_quantize(
        calibrated, input_data_type=input_type, output_data_type=output_type
    )


def widened(content: bytes) -> bytes:
    """Widens the ranges in a calibrated model that are as good as empty.

    Args:
        content: The model, in floating point, with a range for each tensor.

    Returns:
        The model with ranges that can be the scales of integers.
    """
    schema = import_schema()
    model = schema.ModelT.InitFromPackedBuf(content)
    operators = vars(schema.BuiltinOperator)
    weighted = {operators[name] for name in WEIGHTED}
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            if code in weighted:
                weights = model.buffers[graph.tensors[operator.inputs[1]].buffer].data
                if weights is None:
                    continue
                gain = float(np.abs(np.frombuffer(weights, "float32")).max())
            elif code == operators["MEAN"]:
                gain = 1.0
            else:
                continue
            # In the order of the computation: what is widened counts at once.
            given = graph.tensors[operator.inputs[0]].quantization
            made = graph.tensors[operator.outputs[0]].quantization
            if _has_range(given) and _has_range(made):
                least = LEAST * gain * float(given.max[0] - given.min[0])
                made.max = np.maximum(made.max, made.min + np.float32(least))
    return pack(model)


def _has_range(quantization: Any) -> bool:
    return quantization is not None and quantization.max is not None
