"""Where in an image a network sees a class: Grad-CAM (Selvaraju et al., ICCV 2017)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_senet.errors import InputError, near_matches
from keras_senet.evaluation.excitation import gate_vectors
from keras_senet.evaluation.opened_model import OpenedModel, open_model
from keras_senet.layers.gates import FUNCTIONAL


def grad_cam(
    model: keras.Model,
    image: Any,
    *,
    class_index: int | Sequence[int] | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Computes where a feature map speaks for a class.

    The channels of the map are weighted by the mean, over positions, of the
    derivative of the class's score, which is that before the softmax or sigmoid
    (equation 1); of their sum the positive part is taken (equation 2). It needs
    Keras' TensorFlow backend.

    Args:
        model: A functional classifier of images, maybe with nested models.
        image: One image as the model takes it, of rank 3.
        class_index: The index of the class, or several. `None` takes the class of
            the highest score.
        layer: The name of the layer whose output is the feature map, in nested
            models as `"nested/layer"`. `None` takes the last feature map with more
            than one position, which is what the global pooling takes.

    Returns:
        The map, `(height, width)` of the feature map, scaled so that the highest
        value is 1; all zeros if nothing speaks for the class. With several classes,
        the maps are stacked, and each is scaled by itself.

    Raises:
        InputError: If there is no layer of such a name.
        ValueError: If the model is no classifier with a feature map, the image or an
            index does not suit it, or the score does not depend on the map.
        RuntimeError: If the backend is another one.

    Example:

    ```python
    found = grad_cam(model, images[0], class_index=3)
    found.shape  # (8, 8)
    resize_map(found, (32, 32)).shape  # (32, 32)
    ```
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "`grad_cam` needs Keras' TensorFlow backend. "
            f"Received: {keras.backend.backend()}"
        )
    explained, channels_first = _explained(model, layer)
    batch = _batch_of_one(model, image)
    maps, slopes = _slopes(explained, batch, class_index)
    if channels_first:
        maps, slopes = np.moveaxis(maps, 0, -1), np.moveaxis(slopes, 1, -1)
    weights = slopes.mean(axis=(1, 2))
    found = np.maximum(np.einsum("hwc,kc->khw", maps, weights), 0)
    highest = found.max(axis=(1, 2), keepdims=True)
    found = np.divide(found, highest, out=np.zeros_like(found), where=highest > 0)
    several = class_index is not None and np.ndim(class_index) == 1
    return found if several else found[0]


def resize_map(found: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Stretches a map over an image, bilinearly.

    Args:
        found: What `grad_cam` returned, `(height, width)`.
        size: Height and width of the image.

    Returns:
        The map, of that size.
    """
    from PIL import Image

    picture = Image.fromarray(np.asarray(found, "float32"))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))


def photo_gates(
    model: keras.Model, image: Any, blocks: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Computes the gates of one image.

    Args:
        model: A functional Keras model with `SqueezeExcite` layers.
        image: One image as the model takes it, of rank 3.
        blocks: The names of the blocks. `None` takes all.

    Returns:
        From each block, in the order of the network, to a vector with the gate of
        each channel; with `squeeze=None` its mean over positions.

    Raises:
        InputError: If there is no block of such a name.
        ValueError: If the model has no blocks, or the image does not suit it.

    Example:

    ```python
    photo_gates(model, images[0])["stage4_block3_se"].shape  # (64,)
    ```
    """
    vectors = gate_vectors(model, blocks)
    found = vectors.predict_on_batch(_batch_of_one(model, image))
    return {name: np.asarray(gate[0], "float32") for name, gate in found.items()}


def _batch_of_one(model: keras.Model, image: Any) -> np.ndarray:
    image = ops.convert_to_numpy(image)
    wanted = tuple(model.input_shape[1:])
    suits = len(image.shape) == len(wanted) and all(
        side in (None, given) for side, given in zip(wanted, image.shape, strict=True)
    )
    if not suits:
        raise ValueError(
            f"`image` should be one image of shape {wanted}. "
            f"Received: an array of shape {image.shape}"
        )
    return image[np.newaxis]


def _slopes(
    explained: keras.Model, batch: np.ndarray, class_index: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The feature map of the image, and the derivatives of scores with respect to it.

    The first axis of the derivatives is that of the classes.
    """
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        maps, scores = explained(batch, training=False)
        classes = int(scores.shape[-1])
        if class_index is None:
            wanted = [int(np.argmax(scores[0]))]
        else:
            wanted = list(np.atleast_1d(class_index))
        for index in wanted:
            if not 0 <= index < classes:
                raise ValueError(
                    f"`class_index` should be from 0 to {classes - 1}. "
                    f"Received: class_index={index}"
                )
        chosen = [scores[0, index] for index in wanted]
    slopes = [tape.gradient(score, maps) for score in chosen]
    if any(slope is None for slope in slopes):
        raise ValueError("The scores of the classes should depend on the feature map.")
    return np.asarray(maps[0], "float64"), np.stack(
        [np.asarray(slope[0], "float64") for slope in slopes]
    )


def _explained(model: keras.Model, layer: str | None) -> tuple[keras.Model, bool]:
    """A model that returns a feature map and the scores, and the map's format."""
    if not isinstance(model, FUNCTIONAL) or not isinstance(model.output_shape, tuple):
        raise ValueError(
            "`model` should be a functional Keras model with one output. "
            f"Received: model={model!r}"
        )
    if len(model.output_shape) != 2 or len(model.inputs) != 1:
        raise ValueError(
            "`model` should be a classifier of images, with an output of shape "
            f"(batch, classes). Received: {model.name} with {model.output_shape}"
        )
    opened = open_model(model)
    if layer is not None and layer not in opened.maps:
        raise InputError(
            f"{model.name} has no feature map {layer!r}. "
            f"{near_matches(layer, opened.maps, limit=8)}"
        )
    last = [name for name, x in opened.maps.items() if _positions(x, opened, name) != 1]
    if layer is None and not last:
        raise ValueError(
            "`model` should have a feature map with more than one position. "
            f"Received: {model.name} without any"
        )
    name = layer or last[-1]
    maps = opened.maps[name]
    explained = keras.Model(opened.inputs, [maps, opened.scores[0]])
    return explained, opened.formats[name] == "channels_first"


def _positions(tensor: Any, opened: OpenedModel, name: str) -> int | None:
    """The number of positions of a feature map, `None` if it depends on the image."""
    first = opened.formats[name] == "channels_first"
    height, width = tensor.shape[2:] if first else tensor.shape[1:3]
    return None if height is None or width is None else height * width
