"""From a model of the user's to what is exported, described and compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.export.description import AS_IS, PIXELS, Description, Preparation
from keras_senet.export.facts import (
    check_exportable,
    checkpoint_tag,
    class_names_of,
    output_name,
    scales,
    usual_preparation,
)
from keras_senet.export.folding import count_operations, fold
from keras_senet.export.parity import answers_of
from keras_senet.export.samples import checked_images, synthetic_images
from keras_senet.export.squeezing import squeezing_early
from keras_senet.models.graph import is_functional, leaves, shell
from keras_senet.preprocessing import input_convention, normalization_layer
from keras_senet.weights.catalog import checkpoint
from keras_senet.weights.checkpoint import InputConvention

SYNTHETIC = "synthetic: colored noise, smooth and rough"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model on its way out, ready for every format.

    Attributes:
        model: What is exported: folded, float32, from images to answers.
        description: What every file says of itself.
        images: What the answers are compared on, as the file takes them.
        images_from: Where they come from.
        expected: The Keras model's answers to them.
        predict: The Keras model's answers to any such images.
        parameters: Number of the Keras model's parameters.
        operations: Operations of the Keras graph, before and after folding.
    """

    model: keras.Model
    description: Description
    images: np.ndarray
    images_from: str
    expected: np.ndarray
    predict: Callable[[Any], Any]
    parameters: int
    operations: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Described:
    """A model that takes images as its files will, and what they say of themselves.

    Attributes:
        model: The user's model, with the normalization in front if it has none and
            it is known, in float32.
        description: What every file says of itself.
    """

    model: keras.Model
    description: Description


def describe(
    model: keras.Model,
    *,
    preprocessing: str | InputConvention | None = None,
    class_names: Sequence[str] | None = None,
    preparation: Preparation | None = None,
    license: str | None = None,
    origin: dict[str, Any] | None = None,
) -> Described:
    """Finds out what a model takes and answers, and lets it take pixels.

    A model that carries a published checkpoint gets that checkpoint's normalization in
    front, so that the files take RGB 0..255. One that normalizes by itself, by
    `keras.layers.Rescaling` or `Normalization` right behind its input, takes them
    already. Any other one stays as it is.

    Args:
        model: A functional or sequential model with one input and one output.
        preprocessing: The tag of a checkpoint, or an `InputConvention`, if the model
            does not say itself what it wants.
        class_names: In the order of the outputs; `None` takes those of its head.
        preparation: How a photograph becomes the input; `None` is as in the test of
            the checkpoint.
        license: Of the weights; `None` takes the checkpoint's.
        origin: Facts about where the weights come from.

    Returns:
        The model that takes pixels, and its description.

    Raises:
        InputError: If the model cannot be exported.
    """
    check_exportable(model)
    known = _convention(model, preprocessing)
    whole = in_float32(model if known is None else _normalizing(model, known))
    takes_pixels = known is not None or scales(model)
    if preparation is not None and whole.inputs[0].shape[-1] != 3:
        raise InputError(
            "`preparation` is for models of RGB images. Received: a model of images of "
            f"{whole.inputs[0].shape[-1]} channels"
        )
    if preparation is None and takes_pixels:
        preparation = usual_preparation(whole, known)
    tag = checkpoint_tag(model, preprocessing)
    if tag is not None:
        license = license or checkpoint(tag).license
        origin = origin or {"checkpoint": tag}
    description = Description(
        name=model.name,
        shape=tuple(whole.inputs[0].shape[1:]),
        pixels=PIXELS if takes_pixels else AS_IS,
        output=output_name(whole),
        class_names=class_names_of(model, class_names),
        preparation=preparation,
        license=license,
        origin=origin or {},
    )
    return Described(model=whole, description=description)


def prepare(
    model: keras.Model | Described,
    images: Any = None,
    *,
    images_from: str | None = None,
    uint8_input: bool = False,
) -> Subject:
    """Makes of a model what is exported, and asks it for the answers to expect.

    Args:
        model: A functional or sequential model with one input and one output, or what
            `describe` made of it.
        images: What to compare the answers on, as the files take them, with a batch
            axis; `None` makes some up.
        images_from: Where `images` come from, for the report.
        uint8_input: Whether the files take images in uint8.

    Returns:
        The subject, which `to_saved_model`, `to_tflite` and `to_onnx` take.

    Raises:
        InputError: If the model or the images cannot be exported or compared.

    Example:

    ```python
    from keras_senet.export import describe, prepare, to_onnx

    described = describe(model, class_names="0123456789")
    report = to_onnx(prepare(described, test_images), "digits.onnx")
    ```
    """
    described = model if isinstance(model, Described) else describe(model)
    whole, description = described.model, described.description
    if uint8_input and description.pixels != PIXELS:
        raise InputError(
            "An input in uint8 wants a model that takes RGB in 0..255, with the "
            f"normalization inside. {description.name} does not say that it does: put "
            "`keras_senet.preprocessing_layers` before it, or name the checkpoint"
        )
    if images is None:
        images, images_from = synthetic_images(description), SYNTHETIC
    images = checked_images(images, description)
    if uint8_input:
        images = np.clip(np.rint(images), 0, 255).astype("uint8")
    lean = squeezing_early(fold(whole))
    # Folded again, so that it shares no layer and has no model within.
    lean = fold(taking_uint8(lean) if uint8_input else lean)
    return Subject(
        model=lean,
        description=description,
        images=images,
        images_from=images_from or "given",
        expected=answers_of(whole.predict_on_batch, images),
        predict=whole.predict_on_batch,
        parameters=whole.count_params(),
        operations=(count_operations(whole), count_operations(lean)),
    )


def prepared(model: keras.Model | Described | Subject, images: Any = None) -> Subject:
    """What `prepare` makes of a model, if that is not done yet.

    Raises:
        InputError: If the model cannot be exported, or `images` come too late.
    """
    if not isinstance(model, Subject):
        return prepare(model, images)
    if images is not None:
        raise InputError("A prepared model has its `images` already: pass them there.")
    return model


def in_float32(model: keras.Model) -> keras.Model:
    """The model, or one like it that computes in float32, if it does not."""
    layers = [x for x in leaves(model) if isinstance(x, keras.layers.Layer)]
    if all(layer.compute_dtype == "float32" for layer in layers):
        return model

    def single(layer: Any) -> Any:
        if is_functional(layer):
            return copied(layer)
        if not isinstance(layer, keras.layers.Layer):
            return layer
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    def copied(model: keras.Model) -> keras.Model:
        return keras.models.clone_model(shell(model), clone_function=single)

    copy = copied(model)
    copy.set_weights(model.get_weights())
    return copy


def taking_uint8(model: keras.Model) -> keras.Model:
    """The same function of images in uint8."""
    images = keras.Input(model.inputs[0].shape[1:], dtype="uint8", name="images")
    return keras.Model(images, model(keras.ops.cast(images, "float32")))


def _convention(
    model: keras.Model, preprocessing: str | InputConvention | None
) -> InputConvention | None:
    if preprocessing is not None:
        return input_convention(preprocessing)
    try:
        return input_convention(model)
    except ValueError:
        return None


def _normalizing(model: keras.Model, known: InputConvention) -> keras.Model:
    """The model with the normalization in front."""
    images = keras.Input(model.inputs[0].shape[1:], name="images")
    normalize = normalization_layer(
        known.mean, known.std, data_format="channels_last", dtype="float32"
    )
    return keras.Model(images, model(normalize(images)), name=model.name)
