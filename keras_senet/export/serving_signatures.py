"""What a served model can be asked, and how its answers are called."""

from collections.abc import Callable
from typing import Any

import keras

from keras_senet.export.description import Description
from keras_senet.export.serving_images import images_and_errors

DEFAULT, BYTES, FEATURES = "serving_default", "serve_bytes", "features"
ANSWER = "answer"
# TF Serving takes base64 for an input of any name, but would send an output whose
# name ends so as base64.
IMAGE_BYTES = "image_bytes"


def signatures(
    model: keras.Model, description: Description, *, top: int, webp: bool
) -> dict[str, Any]:
    """Makes the functions that a SavedModel offers.

    Args:
        model: The model.
        description: What it is.
        top: How many classes `serve_bytes` names.
        webp: Whether `serve_bytes` decodes WebP, too.

    Returns:
        `tf.function`s with a fixed input by name of the signature: `serving_default`;
        `serve_bytes` if the preparation of photographs is known; `features` if the
        model ends in a dense layer on pooled features.
    """
    import tensorflow as tf

    images = tf.TensorSpec(
        (None, *description.shape), model.inputs[0].dtype, name=description.input
    )
    files = tf.TensorSpec((None,), tf.string, name=IMAGE_BYTES)
    parts = {ANSWER: model.outputs[0]}
    vector = pooled_features(model)
    if vector is not None:
        parts[FEATURES] = vector
    network = keras.Model(model.inputs, parts)

    # One function that all signatures call, so that the graph is stored once.
    @tf.function(input_signature=[images], autograph=False)
    def run(images: Any) -> dict[str, Any]:
        return network(images, training=False)

    def run_checked(given: Any) -> dict[str, Any]:
        # The server compares names and types, and feeds images of any size.
        return run(tf.ensure_shape(given, images.shape))

    def answer(images: Any) -> dict[str, Any]:
        return {description.output: run_checked(images)[ANSWER]}

    def answer_bytes(encoded: Any) -> dict[str, Any]:
        return _answer_bytes(run, images, description, encoded, top, webp)

    def features(images: Any) -> dict[str, Any]:
        return {FEATURES: run_checked(images)[FEATURES]}

    found = {DEFAULT: _function(answer, images)}
    if description.preparation is not None:
        found[BYTES] = _function(answer_bytes, files)
    if vector is not None:
        found[FEATURES] = _function(features, images)
    return found


def pooled_features(model: keras.Model) -> Any:
    """The vector that the last dense layer of a model reads, or `None`."""
    makers = {id(output): layer for layer in model.layers for output in _outputs(layer)}
    tensor = model.outputs[0]
    after = (keras.layers.Activation, keras.layers.Softmax, keras.layers.Dropout)
    while isinstance(makers.get(id(tensor)), after):
        tensor = makers[id(tensor)].input
    head = makers.get(id(tensor))
    if not isinstance(head, keras.layers.Dense) or len(head.input.shape) != 2:
        return None
    return head.input


def _outputs(layer: keras.layers.Layer) -> list[Any]:
    try:
        return [layer.output]
    except (AttributeError, ValueError):  # It is used twice, or not at all.
        return []


def _function(function: Callable[[Any], dict[str, Any]], spec: Any) -> Any:
    import tensorflow as tf

    return tf.function(function, input_signature=[spec], autograph=False)


def _answer_bytes(
    run: Callable[[Any], dict[str, Any]],
    spec: Any,
    description: Description,
    encoded: Any,
    top: int,
    webp: bool,
) -> dict[str, Any]:
    """The answers to image files: of bad ones empty, with the reason."""
    import tensorflow as tf

    assert description.preparation is not None
    images, errors = images_and_errors(encoded, description.preparation, webp)
    answers = tf.cast(run(tf.cast(images, spec.dtype))[ANSWER], tf.float32)
    bad = tf.reshape(errors != "", [-1] + [1] * (len(answers.shape) - 1))
    if description.output not in ("probabilities", "logits") or len(answers.shape) != 2:
        return {
            description.output: tf.where(bad, 0.0, answers),
            "error": errors,
        }
    if description.output == "logits":
        answers = tf.nn.softmax(answers)
    count = answers.shape[1]
    names = description.class_names or tuple(map(str, range(count)))
    values, indices = tf.math.top_k(answers, min(top, count))
    return {
        "probabilities": tf.where(bad, 0.0, values),
        "classes": tf.where(bad, "", tf.gather(tf.constant(names), indices)),
        "indices": tf.where(bad, -1, indices),
        "error": errors,
    }
