"""Any image classification set of TensorFlow Datasets, by name."""

import re
import socket
from typing import Any

from keras_senet.data.source import Source, Split, fingerprint
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

    The test split is `test`, or `validation` where there is no labelled test, or
    else the last fifth of `train`. The validation split is `validation`, if it is
    not the test, or else a tenth of `train`.

    Args:
        name: A name such as `"cifar10"` or `"imagenet2012"`, perhaps with a
            configuration and a version.
        data_dir: Where it is prepared; default as in TensorFlow Datasets, the
            environment variable `TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such data set, it is not prepared and there is
            no network, or it is none of images with one label each.
    """
    import numpy as np
    import tensorflow_datasets as tfds

    unknown = InputError(
        f"There is no folder and no data set {name!r}. "
        f"{near_matches(name.partition('/')[0].partition(':')[0], tfds_names())}"
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
    available = set(builder.info.splits)
    if "test" in available and not _labelled(builder, "test"):
        available.discard("test")
    if "train" not in available:
        raise InputError(
            f"{name!r} should have a train split; it has "
            f"{', '.join(sorted(available)) or 'none'}."
        )
    train, validation, test = _choose(available)
    return Source(
        name=builder.info.full_name,
        class_names=tuple(label.names),
        fingerprint=fingerprint(
            builder.info.full_name,
            *(f"{x} {builder.info.splits[x].num_examples}" for x in sorted(available)),
        ),
        train=_split(builder, train),
        validation=_split(builder, validation),
        test=_split(builder, test),
    )


def _choose(available: set[str]) -> tuple[str, str, str]:
    """Training, validation and test out of the splits that there are."""
    if {"validation", "test"} <= available:
        return "train", "validation", "test"
    for test in ("test", "validation"):
        if test in available:
            return "train[:90%]", "train[90%:]", test
    return "train[:70%]", "train[70%:80%]", "train[80%:]"


def _download(builder: Any) -> None:
    try:
        socket.create_connection(HOST, timeout=PATIENCE_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"Data set {builder.info.full_name} is not prepared in "
            f"{builder.data_path} and cannot be downloaded without a network. "
            "Prepare it elsewhere (`tfds build`), and set TFDS_DATA_DIR."
        ) from error
    builder.download_and_prepare()


def _labelled(builder: Any, split: str) -> bool:
    """Whether a split has labels: unlabelled tests carry the label -1."""
    first = builder.as_dataset(split=f"{split}[:1]")
    return all(int(example["label"]) >= 0 for example in first)


def _split(builder: Any, split: str) -> Split:
    def pair(example: dict[str, Any]) -> tuple[Any, Any]:
        import tensorflow as tf

        image = example["image"]
        if image.shape[-1] == 1:
            image = tf.image.grayscale_to_rgb(image)
        return image, example["label"]

    def in_order() -> Any:
        return builder.as_dataset(split=split, shuffle_files=False).map(pair)

    return Split(count=builder.info.splits[split].num_examples, in_order=in_order)
