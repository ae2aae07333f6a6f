"""One image as a record of a packed data set: a `tf.train.Example`."""

from collections.abc import Mapping
from typing import Any

from keras_senet.data.images import LOST_RECORD

ENCODED = "image/encoded"
LABEL = "image/class/label"
NAME = "image/filename"


def serialized(features: Mapping[str, bytes | int]) -> bytes:
    """A `tf.train.Example` as bytes, the same ones for the same features always.

    Args:
        features: One value for each name.

    Returns:
        The record.
    """
    import tensorflow as tf

    def feature(value: bytes | int) -> Any:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    values = {name: feature(value) for name, value in features.items()}
    example = tf.train.Example(features=tf.train.Features(feature=values))
    # Maps are written in any order otherwise.
    return example.SerializeToString(deterministic=True)


def lost(path: str) -> bytes:
    """The record that stands for one which a file has lost: without an image."""
    name = f"{LOST_RECORD}{path}"
    return serialized({NAME: name.encode(), ENCODED: b"", LABEL: 0})


def parse(index: Any, record: Any) -> tuple[Any, Any, Any]:
    """Name, encoded image and label of a record, as tensors."""
    import tensorflow as tf

    text, number = (
        tf.io.FixedLenFeature((), "string"),
        tf.io.FixedLenFeature((), "int64"),
    )
    parts = tf.io.parse_single_example(
        record, {NAME: text, ENCODED: text, LABEL: number}
    )
    return parts[NAME], parts[ENCODED], parts[LABEL]


def label(record: Any) -> Any:
    """The label of a record, as a tensor."""
    import tensorflow as tf

    number = tf.io.FixedLenFeature((), tf.int64)
    return tf.io.parse_single_example(record, {LABEL: number})[LABEL]
