"""Any image classification set of TensorFlow Datasets, by name."""

import re
import socket
from typing import Any

from keras_senet.data import records
from keras_senet.data.images import LOST_RECORD, Order
from keras_senet.data.sharded import Shard, Sharded
from keras_senet.data.shuffling import affordable
from keras_senet.data.source import Source, fingerprint
from keras_senet.data.splits import Portion, portions
from keras_senet.errors import InputError, near_matches

# TensorFlow Datasets asks this host first, and for minutes if there is no network.
HOST = ("storage.googleapis.com", 443)
PATIENCE_SECONDS = 5
# Name, perhaps a configuration, perhaps a version.
NAME = re.compile(r"[a-zA-Z]\w*(/[\w.-]+)?(:[\d.*]+)?")


def tfds_names() -> list[str]:
    """Names of all data sets that TensorFlow Datasets knows."""
    import tensorflow_datasets as tfds

    return tfds.list_builders(with_community_datasets=False)


def tfds_source(name: str, data_dir: str | None = None) -> Source:
    """Reads a data set that TensorFlow Datasets has prepared or can download.

    Its own files are read, with the images as they are encoded there. Splits are
    what their names say (`keras_senet.data.splits`); a test without labels is none.

    Args:
        name: A name such as `"cifar10"` or `"imagenet2012"`, perhaps with a
            configuration and a version.
        data_dir: Where it is prepared; default as in TensorFlow Datasets, the
            environment variable `TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such data set, it is not prepared and there is
            no network, it is not prepared as TFRecord files, or it is none of images
            with one label each.
    """
    import numpy as np
    import tensorflow_datasets as tfds

    unknown = InputError(
        f"There is no folder and no data set {name!r}. "
        f"{near_matches(name.partition('/')[0].partition(':')[0], tfds_names(), 8)}"
    )
    if not NAME.fullmatch(name):
        raise unknown
    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    # Unknown names, configurations and versions.
    except (ValueError, AssertionError) as error:
        raise unknown from error
    features = builder.info.features
    parts = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    image, label = parts.get("image"), parts.get("label")
    if not (
        isinstance(image, tfds.features.Image)
        and isinstance(label, tfds.features.ClassLabel)
        and image.shape[-1] in (1, 3)
        and np.dtype(image.np_dtype) == np.uint8
    ):
        raise InputError(
            f"{name!r} is not a set of 8-bit grey or RGB images with one label each; "
            f"its features are {', '.join(parts) or features}."
        )
    if not builder.is_prepared():
        _download(builder)
    if builder.info.file_format is not tfds.core.FileFormat.TFRECORD:
        raise InputError(
            f"{builder.info.full_name} is prepared in {builder.data_path} as "
            f"{builder.info.file_format.value} files, which cannot be read here. "
            f"Prepare it as TFRecord files: `tfds build {name} "
            "--file_format=tfrecord --data_dir=...` with another folder, and set "
            "TFDS_DATA_DIR to it."
        )
    available = {x for x, split in builder.info.splits.items() if split.num_examples}
    if "test" in available and not _labelled(builder):
        available.discard("test")
    try:
        train, validation, test = portions(available)
    except InputError as error:
        raise InputError(f"{builder.info.full_name}: {error}") from error
    return Source(
        name=builder.info.full_name,
        class_names=tuple(label.names),
        fingerprint=fingerprint(
            builder.info.full_name,
            *(f"{x} {builder.info.splits[x].num_examples}" for x in sorted(available)),
        ),
        train=_images(builder, train),
        validation=_images(builder, validation),
        test=_images(builder, test) if test else None,
    )


def _download(builder: Any) -> None:
    try:
        socket.create_connection(HOST, timeout=PATIENCE_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"Data set {builder.info.full_name} is not prepared in "
            f"{builder.data_path} and cannot be downloaded without a network. "
            "Prepare it elsewhere (`tfds build`), and set TFDS_DATA_DIR."
        ) from error
    builder.download_and_prepare(file_format="tfrecord")


def _labelled(builder: Any) -> bool:
    """Whether the test has labels: unlabelled tests carry the label -1."""
    images = _images(builder, Portion("test"))
    first = images.references(Order()).take(1)
    return all(int(images.fetch(Order(), visit).label) >= 0 for visit in first)


def _images(builder: Any, portion: Portion) -> Sharded:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    split = builder.info.splits[f"{portion.split}[{portion.start}%:{portion.end}%]"]
    if not split.num_examples:
        raise InputError(
            f"{builder.info.full_name} has too few images: none between {portion.start}"
            f" % and {portion.end} % of {portion.split}."
        )
    parts = dict(builder.info.features)
    # Other features, such as boxes, would be decoded in vain.
    wanted = ["image", "label"]
    if isinstance(parts.get("file_name"), tfds.features.Text):
        wanted.append("file_name")
    features = tfds.features.FeaturesDict({name: parts[name] for name in wanted})
    label_alone = tfds.features.FeaturesDict({"label": parts["label"]})
    as_it_is = {"image": tfds.decode.SkipDecoding()}

    def parse(index: Any, record: Any) -> tuple[Any, Any, Any]:
        example = features.deserialize_example(record, decoders=as_it_is)
        name = example.get("file_name")
        if name is None:
            name = tf.strings.join([portion.split, tf.strings.as_string(index)], " ")
        return name, example["image"], example["label"]

    def label(record: Any) -> Any:
        return label_alone.deserialize_example(record)["label"]

    def lost(path: str) -> bytes:
        name = f"{LOST_RECORD}{path}".encode()
        empty: dict[str, bytes | int] = {"image": b"", "label": 0, "file_name": name}
        return records.serialized({name: empty[name] for name in wanted})

    return Sharded(
        [Shard(x.filename, x.skip, x.take) for x in split.file_instructions],
        parse=parse,
        label=label,
        lost=lost,
        buffer=affordable(
            split.num_examples,
            builder.info.splits[portion.split].num_bytes
            * split.num_examples
            // builder.info.splits[portion.split].num_examples,
        ),
    )
