"""The best classes of photographs, by a model or by any exported file."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError, near_matches
from keras_senet.export.description import Description, Preparation
from keras_senet.export.runtimes import open_file
from keras_senet.export.subject import Described, describe
from keras_senet.models.families import NETWORKS
from keras_senet.weights.catalog import checkpoint, list_weights

# How many names an error shows.
SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """Something that tells classes apart.

    Attributes:
        predict: From images (batch, height, width, channels) in 0..255 to answers.
        description: What images it takes, and what it answers.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    description: Description


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One of the best classes of a photograph.

    Attributes:
        index: Of the class, among the outputs.
        name: Of the class; its index if it has none.
        probability: From 0 to 1.
    """

    index: int
    name: str
    probability: float


def of_model(described: Described) -> Predictor:
    """Lets a Keras model that is described tell classes apart."""
    return Predictor(
        predict=described.model.predict_on_batch, description=described.description
    )


def open_predictor(path: str | os.PathLike) -> Predictor:
    """Opens a model, an exported file, or a published checkpoint.

    Args:
        path: A `.keras`, `.tflite` or `.onnx` file, the folder of a SavedModel or of
            its versions, or the tag of a checkpoint.

    Returns:
        The predictor.

    Raises:
        InputError: If it is nothing of this, or cannot be loaded.
    """
    if is_keras(path):
        return of_model(describe(load_model(path)))
    path = Path(path)
    if path.is_dir():
        path = _version(path)
    elif path.suffix not in (".tflite", ".onnx"):
        raise InputError(
            "A model is a run, a .keras, .tflite or .onnx file, the folder of a "
            f"SavedModel, or the tag of a checkpoint. Received: {path}"
        )
    try:
        opened = open_file(path)
    except (ModuleNotFoundError, InputError):
        raise
    # Each runtime has errors of its own, and all say that it cannot load the file.
    except Exception as error:
        raise InputError(f"{path} cannot be loaded: {first_line(error)}") from error
    if opened.description is None:
        raise InputError(
            f"{path} does not say how a photograph becomes its input: it was not "
            "written by this package."
        )
    return Predictor(
        predict=opened.predict, description=Description.from_json(opened.description)
    )


def is_keras(path: str | os.PathLike) -> bool:
    """Whether this is for `load_model`: a `.keras` file, a tag, or nothing at all."""
    known = str(path) in {row.tag for row in list_weights()}
    return known or Path(path).suffix == ".keras" or not Path(path).exists()


def load_model(path: str | os.PathLike) -> keras.Model:
    """Loads a Keras model, without compiling it.

    Args:
        path: A `.keras` file, or the tag of a published checkpoint.

    Returns:
        The model.

    Raises:
        InputError: If it is neither, or cannot be loaded, such as for a custom layer.
    """
    if str(path) in {row.tag for row in list_weights()}:
        row = checkpoint(str(path))
        try:
            return NETWORKS[row.network](weights=row.tag, use_bias=row.use_bias)
        except (ValueError, FileNotFoundError) as error:
            raise InputError(f"{path}: {error}") from error
    if not Path(path).exists():
        known = [row.tag for row in list_weights()]
        raise InputError(
            f"There is no {path}, and no published checkpoint of the name. "
            f"{near_matches(str(path), known, SHOWN)}"
        )
    if Path(path).suffix != ".keras":
        raise InputError(
            "A model is a run, a .keras file or the tag of a checkpoint. "
            f"Received: {path}"
        )
    try:
        return keras.models.load_model(path, compile=False)
    # Each part of a file that is broken has an error of its own.
    except Exception as error:
        raise InputError(f"{path} cannot be loaded: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error of a library says first."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def read_photograph(path: str | os.PathLike, preparation: Preparation) -> np.ndarray:
    """Reads a photograph as a network wants it, upright.

    Args:
        path: A JPEG, PNG, GIF, BMP or WebP file.
        preparation: How it becomes the input.

    Returns:
        A uint8 array `(size, size, 3)`.

    Raises:
        InputError: If it cannot be read.
    """
    import tensorflow as tf

    from keras_senet.data.crops import center_crop
    from keras_senet.data.decoding import decode
    from keras_senet.data.fault import fault
    from keras_senet.data.headers import apart

    try:
        encoded = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        image = apart(decode)(tf.constant(encoded))
    except tf.errors.OpError as error:
        raise InputError(f"{path}: {fault(encoded)}") from error
    return center_crop(
        image,
        preparation.size,
        shorter=preparation.shorter,
        interpolation=preparation.interpolation,
    ).numpy()


def probabilities(predictor: Predictor, images: Any) -> np.ndarray:
    """The probabilities of the classes of images.

    Args:
        predictor: Tells classes apart.
        images: As it takes them, with a batch axis.

    Returns:
        A float64 array `(batch, classes)`.

    Raises:
        InputError: If its answers are no classes.
    """
    answers = predictor.predict(np.asarray(images))
    return as_probabilities(answers, predictor.description)


def as_probabilities(answers: Any, told: Description) -> np.ndarray:
    """Makes probabilities of answers, if they are others.

    Args:
        answers: Of a model, with a batch axis.
        told: What the model says of itself.

    Returns:
        A float64 array `(batch, classes)`; logits have gone through a softmax.

    Raises:
        InputError: If the answers are no classes.
    """
    answers = np.asarray(answers, dtype="float64")
    if told.output == "features" or answers.ndim != 2:
        raise InputError(f"{told.name} answers with features, not with classes.")
    if told.output != "logits":
        return answers
    exponents = np.exp(answers - answers.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def best_classes(predictor: Predictor, images: Any, top: int = 5) -> list[list[Guess]]:
    """Names the best classes of images.

    Args:
        predictor: Tells classes apart.
        images: As it takes them, with a batch axis.
        top: How many classes to name; all of them if there are not as many.

    Returns:
        For each image the classes, the best first, and of equal probability the one
        of the lower index.

    Raises:
        InputError: If its answers are no classes.
    """
    answers = probabilities(predictor, images)
    best = np.argsort(-answers, axis=1, kind="stable")[:, :top]
    names = predictor.description.class_names or tuple(
        map(str, range(answers.shape[1]))
    )
    return [
        [Guess(index=int(i), name=names[i], probability=float(row[i])) for i in indices]
        for row, indices in zip(answers, best, strict=True)
    ]


def _version(folder: Path) -> Path:
    """The SavedModel's folder: this one, or that of the newest version in it."""
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [x for x in folder.iterdir() if (x / "saved_model.pb").is_file()]
    numbered = [x for x in versions if x.name.isdecimal()]
    if not numbered:
        raise InputError(
            f"{folder} is no run and no SavedModel: it has neither record.json nor "
            "saved_model.pb, nor versions of a SavedModel."
        )
    return max(numbered, key=lambda x: int(x.name))
