"""The FlatBuffer of a .tflite model: what is in it, and metadata put into it."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from keras_senet.errors import InputError

# Of constants in the file, by the schema ("force_align: 16"), which Python's
# FlatBuffers, and so TensorFlow's converter, do not keep.
ALIGNMENT = 16
IDENTIFIER = b"TFL3"


def count_operations(path: str | os.PathLike) -> dict[str, int]:
    """Counts the operations of a .tflite file.

    Args:
        path: The file.

    Returns:
        How often each operation occurs, by its name in the schema, the most
        frequent first. Operations that are not built in are called `"CUSTOM"`.

    Example:

    ```python
    from keras_senet.export import to_tflite
    from keras_senet.export.lite_model import count_operations

    to_tflite(model, "network.tflite", images)
    count_operations("network.tflite")["CONV_2D"]
    ```
    """
    schema = import_schema()
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    model = schema.ModelT.InitFromPackedBuf(Path(path).read_bytes())
    # Files of before there were more than 127 operations have the other field.
    codes = [
        names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        for code in model.operatorCodes
    ]
    found = Counter(
        codes[operator.opcodeIndex]
        for subgraph in model.subgraphs
        for operator in subgraph.operators or ()
    )
    return dict(found.most_common())


def with_metadata(
    content: bytes, metadata: dict[str, bytes], inputs: list[str], outputs: list[str]
) -> bytes:
    """Puts metadata and names of tensors into a model.

    Args:
        content: The model.
        metadata: Buffers by name.
        inputs: Names of the inputs.
        outputs: Names of the outputs.

    Returns:
        The new model.
    """
    schema = import_schema()

    model = schema.ModelT.InitFromPackedBuf(content)
    for name, data in metadata.items():
        entry = schema.MetadataT(name=name, buffer=len(model.buffers))
        model.metadata = [*(model.metadata or ()), entry]
        model.buffers.append(schema.BufferT(np.frombuffer(data, "uint8")))
    graph = model.subgraphs[0]
    for indices, names in ((graph.inputs, inputs), (graph.outputs, outputs)):
        for index, name in zip(indices, names, strict=True):
            graph.tensors[index].name = name
    return pack(model)


def pack(model: Any) -> bytes:
    """Writes a model.

    Args:
        model: As an object of the schema's code. It is of no use afterwards.

    Returns:
        The FlatBuffer, in which all constants are aligned.
    """
    import flatbuffers

    size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    model.buffers = [_AlignedBuffer(buffer) for buffer in model.buffers]
    # With room for all, since it grows by copying what it has.
    builder = flatbuffers.Builder(size + size // 8 + 1024)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuffer:
    """A constant that begins at a multiple of `ALIGNMENT`."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer

    def Pack(self, builder: Any) -> int:
        """Writes the buffer, when the schema's code asks for it."""
        if self._buffer.data is not None:
            builder.Prep(ALIGNMENT, len(self._buffer.data))
        return self._buffer.Pack(builder)


def import_schema() -> Any:
    """The schema's code.

    Raises:
        InputError: If the package that has it is missing.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ModuleNotFoundError as error:
        raise InputError(
            "TFLite files need LiteRT, which is not installed. Run: pip install "
            '"keras_senet[tflite]"'
        ) from error
    return schema_py_generated
