"""The folder that TF Serving loads: graph, variables, labels and first requests."""

import contextlib
import logging
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.export.description import KEY, Description
from keras_senet.export.serving_operations import check_servable
from keras_senet.export.serving_signatures import (
    BYTES,
    DEFAULT,
    IMAGE_BYTES,
    signatures,
)
from keras_senet.export.serving_warmup import grey_file, grey_images, write_warmup

LABELS = "labels.txt"
# Neither read nor understood by the loader, which leaves it to others.
EXTRA = "assets.extra"


def write_saved_model(
    model: keras.Model,
    path: Path,
    description: Description,
    *,
    top: int = 5,
    webp: bool = False,
) -> None:
    """Writes one version of a model for TF Serving.

    Its signatures, each for any batch size:

    - `serving_default`: `images` to the model's output, by the description's name.
    - `serve_bytes`, if the description says how a photograph becomes an input:
      `image_bytes`, a vector of JPEG or PNG files, to `classes`, `probabilities` and
      `indices` of the best classes, the best first, and `error`. A file that cannot
      be decoded gives `error` a sentence, empty classes, probabilities of 0 and
      indices of -1; the others of its batch get their answers. The pixels are those
      of the evaluation pipeline. The model must take RGB in 0..255 then. Of logits
      it gives the softmax; of features themselves, and `error`.
    - `features`, if the model ends in a dense layer: `images` to what that reads.

    `assets/labels.txt` has the class names, `assets.extra/keras_senet.json` the
    description, and `assets.extra/tf_serving_warmup_requests` a request for each
    signature.

    Args:
        model: A functional model with one input and one output, on the TensorFlow
            backend.
        path: The folder of the version, `.../name/1`, which does not exist.
        description: What the model is.
        top: How many classes `serve_bytes` names.
        webp: Whether `serve_bytes` decodes WebP, for which TF Serving must be newer
            than `serving_operations.OLDEST`.

    Raises:
        InputError: If the model cannot be written, or stock TF Serving could not run
            it. What is written by then is left to the caller.

    Example:

    ```python
    import keras_senet
    from keras_senet.export.description import Description
    from keras_senet.export.serving_files import write_saved_model

    model = keras_senet.SEResNet20(weights=None)
    described = Description(
        name="digits", shape=(32, 32, 3), pixels="RGB", output="probabilities"
    )
    write_saved_model(model, "exported/digits/1", described)
    ```
    """
    if top < 1:
        raise InputError(f"`top` should be at least 1. Received: top={top}")
    path = Path(path)
    try:
        _save(
            model, path, description, signatures(model, description, top=top, webp=webp)
        )
    except InputError:
        raise
    # Layers of others may raise anything.
    except Exception as error:
        raise InputError(
            "The model cannot be written as a SavedModel: "
            f"{type(error).__name__}: {_first_words(error)}"
        ) from error
    check_servable(path, webp=webp)
    extra = path / EXTRA
    extra.mkdir()
    (extra / f"{KEY}.json").write_text(description.to_json(), encoding="utf-8")
    write_warmup(extra, description.name, _first_requests(model, description))


def _save(
    model: keras.Model, path: Path, description: Description, functions: dict[str, Any]
) -> None:
    import tensorflow as tf

    module = tf.Module(name=KEY)
    concrete = {name: made.get_concrete_function() for name, made in functions.items()}
    # Those in use and nothing else: of a model that is tracked, more is stored.
    used = {v.ref(): v for made in concrete.values() for v in made.variables}
    module.in_use = list(used.values())
    with tempfile.TemporaryDirectory() as folder, _quiet():
        if description.class_names is not None:
            labels = Path(folder, LABELS)
            lines = [f"{name}\n" for name in description.class_names]
            labels.write_text("".join(lines), encoding="utf-8")
            module.labels = tf.saved_model.Asset(str(labels))
        tf.saved_model.save(module, str(path), signatures=concrete)


def _first_words(error: Exception) -> str:
    """What Keras says about a layer, and why, in a line."""
    plain = re.sub(r"\x1b\[\d*m", "", str(error))
    return " ".join([line.strip() for line in plain.splitlines() if line.strip()][:2])


def _first_requests(
    model: keras.Model, description: Description
) -> dict[str, dict[str, Any]]:
    images = grey_images(description.shape, model.inputs[0].dtype)
    requests = {DEFAULT: {description.input: images}}
    if description.preparation is not None:
        requests[BYTES] = {IMAGE_BYTES: grey_file(description.preparation.shorter)}
    return requests


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps TensorFlow's remarks on saving away from the terminal."""
    import tensorflow as tf

    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
