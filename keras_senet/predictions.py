"""From the outputs of a classifier to names."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_senet.weights.classes import imagenet_classes


def decode_predictions(
    preds: Any, top: int = 5, class_names: Sequence[str] | None = None
) -> list[list[tuple[str, str, float]]]:
    """Names the best classes of each image, as in `keras.applications`.

    Args:
        preds: An array or tensor of shape `(batch, classes)`: probabilities, or
            logits, which then are the scores.
        top: How many classes to name.
        class_names: The names of the classes, in order. `None` is the 1000 classes
            of ImageNet.

    Returns:
        For each image a list of tuples `(synset, name, score)`, the best first, and
        of equal scores the one of the lower index. With `class_names` there is no
        synset, and the name stands in its place, too.

    Raises:
        ValueError: If `preds` has another shape, or `top` is out of its range.

    Example:

    ```python
    preds = keras.ops.one_hot([1, 254], 1000)
    keras_senet.decode_predictions(preds, top=1)
    # [[("n01443537", "goldfish", 1.0)], [("n02110958", "pug", 1.0)]]
    ```
    """
    if class_names is None:
        classes = imagenet_classes()
    else:
        classes = tuple((name, name) for name in class_names)
    shape = tuple(getattr(preds, "shape", ()))
    if len(shape) != 2 or shape[1] != len(classes):
        wish = "" if class_names is not None else "; `class_names` names other classes"
        raise ValueError(
            "`preds` should be a batch of predictions, of shape (batch, "
            f"{len(classes)}){wish}. Received: preds of shape {shape}"
        )
    if isinstance(top, bool) or not isinstance(top, int) or not 1 <= top <= shape[1]:
        raise ValueError(
            f"`top` should be an integer from 1 to {shape[1]}. Received: top={top!r}"
        )
    scores = np.asarray(keras.ops.convert_to_numpy(preds), dtype="float64")
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [
        [(*classes[index], float(row[index])) for index in indices]
        for row, indices in zip(scores, best, strict=True)
    ]
