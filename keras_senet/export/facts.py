"""What a model says of itself, for the description of its exported files."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_senet.data.defaults import shorter_side
from keras_senet.errors import InputError
from keras_senet.export.description import Preparation
from keras_senet.layers import Classifier, Provenance
from keras_senet.models.graph import is_functional, leaves
from keras_senet.weights.checkpoint import InputConvention

SCALING = (keras.layers.Rescaling, keras.layers.Normalization)


def check_exportable(model: Any) -> None:
    """Refuses what none of the formats could hold.

    Args:
        model: What the user gave.

    Raises:
        InputError: If it has no known graph from one input to one output.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "Export runs on Keras' TensorFlow backend. Set KERAS_BACKEND=tensorflow. "
            f"Received: {keras.backend.backend()}"
        )
    if not isinstance(model, keras.Model):
        raise InputError(
            f"`model` should be a Keras model. Received: {type(model).__name__}"
        )
    if not is_functional(model):
        raise InputError(
            "`model` should be a functional or sequential model that is built; wrap "
            "one of another kind: keras.Model(x, model(x)) with x = keras.Input(...). "
            f"Received: {model.name} of type {type(model).__name__}"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(
            "`model` should have one input and one output. Received: "
            f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        )
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4 or shape[0] is not None or shape[3] is None:
        raise InputError(
            "The input of `model` should be batches of any size of images, channels "
            f"last: (None, height, width, channels). Received: {shape}"
        )
    if model.inputs[0].dtype not in ("float16", "bfloat16", "float32", "uint8"):
        raise InputError(
            "The input of `model` should be float or uint8. "
            f"Received: {model.inputs[0].dtype}"
        )


def output_name(model: keras.Model) -> str:
    """What the answers of a model are.

    Args:
        model: A functional or sequential model.

    Returns:
        `"probabilities"`, `"logits"` or `"features"`.
    """
    last = next(x for x in reversed(list(leaves(model))) if not _is_linear(x))
    activation = getattr(last, "activation", None)
    if isinstance(last, keras.layers.Softmax) or activation in (
        keras.activations.softmax,
        keras.activations.sigmoid,
    ):
        return "probabilities"
    linear = activation in (None, keras.activations.linear)
    # A single number may be anything, such as a length.
    classes = isinstance(last, keras.layers.Dense) and linear and last.units > 1
    return "logits" if classes else "features"


def _is_linear(layer: Any) -> bool:
    """Whether it is an activation that changes nothing, but perhaps the dtype."""
    plain = isinstance(layer, keras.layers.Activation)
    return plain and layer.activation is keras.activations.linear


def scales(model: keras.Model) -> bool:
    """Whether the first thing that a model does is to scale its input."""
    real = (x for x in leaves(model) if not isinstance(x, keras.layers.InputLayer))
    return isinstance(next(real, None), SCALING)


def checkpoint_tag(model: keras.Model, preprocessing: Any) -> str | None:
    """The tag of the checkpoint that a model's weights come from, if it is known."""
    if isinstance(preprocessing, str):
        return preprocessing
    known = [x.checkpoint for x in leaves(model) if isinstance(x, Provenance)]
    return known[0]["tag"] if len(known) == 1 and known[0] else None


def class_names_of(
    model: keras.Model, names: Sequence[str] | None
) -> tuple[str, ...] | None:
    """The class names that were given, or else those of the model's head.

    Raises:
        InputError: If there are not as many as outputs.
    """
    count = model.outputs[0].shape[-1]
    if names is not None:
        if len(names) != count:
            raise InputError(
                f"`class_names` should have one name for each of the {count} outputs. "
                f"Received: {len(names)} names"
            )
        return checked_names(names)
    heads = [x for x in leaves(model) if isinstance(x, Classifier)]
    known = heads[-1].class_names if heads and heads[-1].units == count else None
    return None if known is None else checked_names(known)


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The class names, if each can be a line of a file.

    Raises:
        InputError: If one cannot.
    """
    for name in names:
        if not isinstance(name, str) or not name.isprintable():
            raise InputError(
                "A class name should be a string that can be printed in a line. "
                f"Received: {name!r}"
            )
    return tuple(names)


def usual_preparation(
    model: keras.Model, known: InputConvention | None
) -> Preparation | None:
    """How a photograph becomes the input, as in the test of a checkpoint.

    Args:
        model: Takes RGB 0..255.
        known: What the checkpoint wants, if there is one.

    Returns:
        The preparation, or `None` for images that are not square, or not RGB.
    """
    height, width, channels = model.inputs[0].shape[1:]
    if height != width or channels != 3:
        return None
    if known is None:
        return height and Preparation(size=height, shorter=shorter_side(height))
    size = height or known.size
    return Preparation(
        size=size,
        shorter=math.floor(size / known.crop),
        interpolation=known.interpolation,
    )
