"""TFLite Metadata: what a .tflite file says of its tensors, and the files within.

The tables are those of metadata_schema.fbs (identifier "M001"), by their field
numbers: the package that holds the schema's code asks for an old protobuf.
"""

import re
from collections.abc import Sequence
from typing import Any

from keras_senet.export.description import KEY, Description

NAME, IDENTIFIER = "TFLITE_METADATA", b"M001"
LABELS, DESCRIPTION = "labels.txt", f"{KEY}.json"

# Enumerations and members of unions, as the schema numbers them.
_DESCRIPTIONS, _TENSOR_AXIS_LABELS = 1, 2
_COLOR_SPACES = {3: 1, 1: 2}  # by channels: RGB and grayscale
_IMAGE_PROPERTIES, _FEATURE_PROPERTIES, _NORMALIZATION = 2, 1, 1


def takes_pixels(description: Description) -> bool:
    """Says whether the model takes pixels as they are, from 0 to 255.

    Args:
        description: Of the model, with both numbers in `pixels` if it does.

    Returns:
        Whether it does.
    """
    return bool(re.search(r"\b0\D+255\b", description.pixels))


def associated_files(description: Description) -> dict[str, str]:
    """The files that are packed behind the model, by name.

    Args:
        description: Of the model.

    Returns:
        The description as JSON, and the labels, one in a line, if they are known.
    """
    files = {DESCRIPTION: description.to_json()}
    if description.class_names is not None:
        # A label must not begin a line of its own within.
        lines = (" ".join(name.split()) for name in description.class_names)
        files[LABELS] = "\n".join(lines)
    return files


def metadata(description: Description) -> bytes:
    """Makes the buffer that readers look for under `NAME`.

    Args:
        description: Of the model.

    Returns:
        The FlatBuffer.
    """
    import flatbuffers

    builder = flatbuffers.Builder()
    text = builder.CreateString
    subgraph = _table(
        builder,
        text("main"),
        None,
        _offsets(builder, [_input(builder, description)]),
        _offsets(builder, [_output(builder, description)]),
    )
    about = f"Keras model. Input: {description.pixels}"
    model = _table(
        builder,
        text(description.name),
        text(about),
        text("1"),
        _offsets(builder, [subgraph]),
        None,
        text(description.license) if description.license else None,
        _offsets(builder, [_file(builder, DESCRIPTION, about, _DESCRIPTIONS)]),
        text("1.0.0"),
    )
    builder.Finish(model, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: Any, description: Description) -> int:
    channels = description.shape[-1]
    content = units = stats = None
    if channels in _COLOR_SPACES:
        image = _table(builder, _Byte(_COLOR_SPACES[channels]))
        content = _table(builder, _Byte(_IMAGE_PROPERTIES), image)
    if takes_pixels(description):
        # Pixels as they are: the model holds whatever else it needs.
        normalization = _table(
            builder, _floats(builder, [0.0]), _floats(builder, [1.0])
        )
        unit = _table(builder, _Byte(_NORMALIZATION), normalization)
        units = _offsets(builder, [unit])
        stats = _table(builder, _floats(builder, [255.0]), _floats(builder, [0.0]))
    return _table(
        builder,
        builder.CreateString(description.input),
        builder.CreateString(description.pixels),
        None,
        content,
        units,
        stats,
    )


def _output(builder: Any, description: Description) -> int:
    content = _table(builder, _Byte(_FEATURE_PROPERTIES), _table(builder))
    labels = None
    if description.class_names is not None:
        about = "The classes, in the order of the outputs"
        file = _file(builder, LABELS, about, _TENSOR_AXIS_LABELS)
        labels = _offsets(builder, [file])
    return _table(
        builder,
        builder.CreateString(description.output),
        None,
        None,
        content,
        None,
        None,
        labels,
    )


def _file(builder: Any, name: str, about: str, kind: int) -> int:
    return _table(
        builder, builder.CreateString(name), builder.CreateString(about), _Byte(kind)
    )


class _Byte(int):
    """A field that holds its value, where the others hold offsets."""


def _table(builder: Any, *fields: int | None) -> int:
    """Writes a table of the fields in the schema's order; `None` is left out."""
    builder.StartObject(len(fields))
    for slot, value in enumerate(fields):
        if isinstance(value, _Byte):
            builder.PrependUint8Slot(slot, int(value), 0)
        elif value is not None:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def _offsets(builder: Any, tables: Sequence[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _floats(builder: Any, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()
