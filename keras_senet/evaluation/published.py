"""The accuracy of a published checkpoint on ImageNet, by its own protocol."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.evaluation.accuracy import Accuracy, measure
from keras_senet.models.families import NETWORKS
from keras_senet.preprocessing import preprocess_input
from keras_senet.weights.checkpoint import Checkpoint, InputConvention
from keras_senet.weights.classes import imagenet_classes


def measure_checkpoint(
    row: Checkpoint,
    data: str | os.PathLike,
    *,
    larger: bool = False,
    batch_size: int = 32,
) -> Accuracy:
    """Measures a checkpoint on images of ImageNet, each counted once.

    Images are resized as the publisher did, by PIL and in 8 bits, and the center is
    cropped. The whole validation set gives what was published; a part of it, or a
    set with some of the classes, is told apart among all thousand.

    Args:
        row: The checkpoint.
        data: A folder with a sub-folder for each class, named by its synset.
        larger: Whether to use the published test on larger images.
        batch_size: Images in a batch.

    Returns:
        The counts.

    Raises:
        InputError: If the checkpoint cannot be had, there is no published test on
            larger images, or the folder has no images or other sub-folders.
    """
    if larger and row.larger is None:
        raise InputError(f"No test of {row.tag} on larger images was published.")
    if batch_size < 1:
        raise InputError(f"batch_size should be at least 1. Received: {batch_size}")
    images = row.input
    if larger and row.larger is not None:
        images = replace(images, size=row.larger.size, crop=row.larger.crop)
    files = labelled(data)
    shape = (images.size, images.size, 3)
    if keras.config.image_data_format() == "channels_first":
        raise InputError("Checkpoints are measured channels last.")
    model = NETWORKS[row.network](
        weights=row.tag, input_shape=shape, use_bias=row.use_bias
    )
    return measure(model.predict_on_batch, batches(files, images, row, batch_size))


def labelled(data: str | os.PathLike) -> list[tuple[Path, int]]:
    """The images of a folder and their labels, by the names of its sub-folders."""
    root = Path(data)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}.")
    label = {synset: index for index, (synset, _) in enumerate(imagenet_classes())}
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    others = [path.name for path in folders if path.name not in label]
    if others or not folders:
        raise InputError(
            f"{root} should have a sub-folder for each class, named by its synset, "
            f"such as n01440764. Received: {', '.join(others[:3]) or 'no sub-folder'}"
        )
    return [
        (file, label[folder.name])
        for folder in folders
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.name.startswith(".")
    ]


def read_image(path: Path, images: InputConvention) -> np.ndarray:
    """An image, resized and cropped as the publisher did it.

    Args:
        path: The file.
        images: Size, crop and interpolation.

    Returns:
        Array `(size, size, 3)`, uint8.

    Raises:
        InputError: If it is no image.
    """
    from PIL import Image

    filters = Image.Resampling
    resample = (
        filters.BICUBIC if images.interpolation == "bicubic" else filters.BILINEAR
    )
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} cannot be read as an image ({error}).") from error
    shorter = int(images.size / images.crop)
    # Whole pixels, in torchvision's order of rounding.
    width, height = (int(shorter * side / min(image.size)) for side in image.size)
    image = image.resize((width, height), resample)
    left, top = (round((side - images.size) / 2) for side in (width, height))
    return np.asarray(image.crop((left, top, left + images.size, top + images.size)))


def batches(
    files: list[tuple[Path, int]],
    images: InputConvention,
    row: Checkpoint,
    batch_size: int,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Preprocessed images, labels and weights; the last batch is padded."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), batch_size):
            part = files[start : start + batch_size]
            pixels = list(pool.map(lambda each: read_image(each[0], images), part))
            padding = batch_size - len(part)
            pixels += [np.zeros_like(pixels[0])] * padding
            labels = np.array([label for _, label in part] + [0] * padding)
            weights = np.array([1.0] * len(part) + [0.0] * padding)
            yield preprocess_input(np.stack(pixels), row), labels, weights
