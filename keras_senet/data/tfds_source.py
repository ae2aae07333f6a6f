"""Any image classification set of TensorFlow Datasets, by name."""

import socket
from typing import Any

from keras_senet.data.source import Source, Split
from keras_senet.errors import InputError, near_matches

# TensorFlow Datasets asks this host first, and for minutes if there is no network.
HOST = ("storage.googleapis.com", 443)
PATIENCE_SECONDS = 5


def tfds_names() -> list[str]:
    """Names of all data sets that TensorFlow Datasets knows."""
    import tensorflow_datasets as tfds

    return tfds.list_builders(with_community_datasets=False)


def tfds_source(name: str, data_dir: str | None = None) -> Source:
    """Reads a data set that TensorFlow Datasets has prepared or can download.

    The test split is `test`, or `validation` where there is no labelled test.
    The validation split is the remaining one of the two, or else the last tenth
    of `train`.

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

    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except tfds.core.DatasetNotFoundError as error:
        raise InputError(
            f"There is no data set {name!r}. {near_matches(name, tfds_names())}"
        ) from error
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
    test = "test" if "test" in available else "validation"
    if "train" not in available or test not in available:
        raise InputError(
            f"{name!r} should have a train split and a test or validation split; it "
            f"has {', '.join(sorted(available)) or 'none'}."
        )
    train, validation = "train", "validation"
    if test == "validation" or "validation" not in available:
        train, validation = "train[:90%]", "train[90%:]"
    return Source(
        name=builder.info.full_name,
        class_names=tuple(label.names),
        train=_split(builder, train),
        validation=_split(builder, validation),
        test=_split(builder, test),
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
