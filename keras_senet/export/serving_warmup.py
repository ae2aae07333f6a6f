"""Requests that TF Serving answers itself before it lets in others.

The first request of every shape takes seconds. The server reads
`assets.extra/tf_serving_warmup_requests`, records of `PredictionLog`. Its messages
are few and old, so that they are written here without TF Serving's Python package,
which would ask for gRPC.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "tf_serving_warmup_requests"
GREY = 128
# Where the description leaves the size open.
SIDE = 224


def write_warmup(
    folder: Path, name: str, inputs: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes one request for each signature.

    Args:
        folder: `assets.extra` of the SavedModel, which exists.
        name: Of the model.
        inputs: For each signature its inputs, `TensorProto`s by name.
    """
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(folder / FILE)) as writer:
        for signature, tensors in inputs.items():
            writer.write(prediction_log(name, signature, tensors))


def prediction_log(name: str, signature: str, tensors: Mapping[str, Any]) -> bytes:
    """A serialized `tensorflow.serving.PredictionLog` of one request.

    Args:
        name: Of the model.
        signature: Which signature is asked.
        tensors: Its inputs, `TensorProto`s by name.

    Returns:
        The bytes of the message.
    """
    # ModelSpec has 1 name and 3 signature_name; PredictRequest 1 model_spec and 2
    # inputs, a map; PredictLog 1 request; PredictionLog 6 predict_log.
    spec = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, spec)
    for key, tensor in tensors.items():
        entry = _field(1, key.encode()) + _field(2, tensor.SerializeToString())
        request += _field(2, entry)
    return _field(6, _field(1, request))


def grey_images(shape: tuple[int | None, ...], dtype: str) -> Any:
    """A `TensorProto` of one grey image, that stores one number."""
    import tensorflow as tf

    sides = [1, *(SIDE if side is None else side for side in shape)]
    return tf.make_tensor_proto(GREY, tf.as_dtype(dtype), shape=sides)


def grey_file(side: int) -> Any:
    """A `TensorProto` of the bytes of one grey JPEG."""
    import tensorflow as tf

    pixels = tf.fill((side, side, 3), tf.constant(GREY, tf.uint8))
    return tf.make_tensor_proto([tf.io.encode_jpeg(pixels).numpy()], tf.string)


def _field(number: int, content: bytes) -> bytes:
    """A field of a message that holds bytes, text or another message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
