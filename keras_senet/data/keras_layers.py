"""A user's own Keras preprocessing layers, as pure functions of a key."""

import functools
import itertools
import pickle
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError

# Parts the keys of two draws; see `keras_senet.data.keys`.
APART = 0x85EBCA7
# Operations that draw or remember something that no key can reach.
IMPURE = re.compile(
    r"Random\w+|(Parameterized)?TruncatedNormal|Multinomial|Rng\w+|(Eager)?PyFunc"
    r"|Stateful(Uniform|StandardNormal|TruncatedNormal|RandomBinomial)\w*"
    r"|(Assign\w*|Read)VariableOp|ResourceScatter\w+"
)

# A new layer draws its seed by Python's `random`, which would look as if another
# thread's layer had drawn while it was traced.
ALONE = threading.Lock()


def keyed(
    layers: keras.layers.Layer | Sequence[keras.layers.Layer],
) -> Callable[[Any, Any], Any]:
    """Turns Keras layers into a function of an image and a key.

    The random numbers of a Keras layer come from a state that it advances, so that
    parallel calls of `Dataset.map` get them in any order, and a run that is resumed
    gets others. Here they depend on the key alone; seeds of the layers are not used.

    The layers are called with a batch of one image, values 0..255, and
    `training=True`. They stay as they are: each trace works on copies, made by
    `get_config` and `from_config`. Two things are not noticed: what a generator of
    NumPy that is the layer's own draws while the layer is traced, all images share;
    and what is drawn within a `while_loop`, all its turns share.

    Args:
        layers: A layer, or several that follow each other; also `Pipeline` and
            `Sequential`. They draw by `keras.random` with a
            `keras.random.SeedGenerator` that is an attribute of a layer.

    Returns:
        A function of an image of shape `(height, width, 3)`, values 0..255, and a key,
        an integer tensor of shape `(2,)`. It returns a uint8 tensor of the same shape.

    Raises:
        InputError: If Keras' backend is not TensorFlow, a layer cannot be copied, has
            weights or mixes images, or, at the first call, it changes the shape,
            remembers something, or draws without a `SeedGenerator` of its own.

    Example:

    ```python
    import keras
    import tensorflow as tf

    from keras_senet.data.keras_layers import keyed

    change = keyed([keras.layers.RandomFlip(), keras.layers.RandomRotation(0.1)])
    changed = change(tf.zeros((32, 32, 3), tf.uint8), (1, 2))
    ```
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            "Keras layers can change images at random only with the TensorFlow "
            f"backend; KERAS_BACKEND is {keras.backend.backend()!r}."
        )
    import tensorflow as tf

    originals = tuple(layers) if isinstance(layers, Sequence) else (layers,)
    for layer in originals:
        _check(layer)
    # One trace for each shape of images, whatever data sets and eager calls share it.
    trace = functools.cache(lambda shape: _trace(originals, shape))

    # AutoGraph does not enter the layers of Keras; here it would change errors.
    @tf.autograph.experimental.do_not_convert
    def change(image: Any, key: Any) -> Any:
        image = tf.convert_to_tensor(image)
        with tf.init_scope():
            traced = trace(tuple(image.shape))
        key = tf.cast(tf.convert_to_tensor(key), tf.int64)
        result = traced(tf.cast(image, tf.float32)[tf.newaxis], key)[0]
        return tf.saturate_cast(tf.round(result), tf.uint8)

    return change


def _trace(layers: tuple[Any, ...], shape: tuple[int | None, ...]) -> Any:
    """A function of a batch of one image and a key that calls copies of the layers."""
    import tensorflow as tf

    # Of this trace alone: no other one finds its tensors on them.
    copies = [_copy(layer) for layer in layers]
    numbers = itertools.count()

    @tf.function(
        autograph=False,
        input_signature=(
            tf.TensorSpec((1, *shape), tf.float32),
            tf.TensorSpec((2,), tf.int64),
        ),
    )
    def change(images: Any, key: Any) -> Any:
        def draw(ordered: bool = True) -> Any:
            return key + tf.constant((next(numbers) * APART, 0), key.dtype)

        for layer in copies:
            for part in _parts(layer):
                if isinstance(part, keras.random.SeedGenerator):
                    part.next = draw
            images = _call(layer, images)
        return images

    with ALONE:
        return change.get_concrete_function()


def _check(layer: Any) -> None:
    """Refuses what can be seen to be of no use before there is an image."""
    if not isinstance(layer, keras.layers.Layer):
        raise InputError(f"`layers` should be Keras layers. Received: {layer!r}")
    for part in _parts(layer):
        if isinstance(part, (keras.layers.MixUp, keras.layers.CutMix)):
            raise InputError(
                f"{_name(part)} mixes the images of a batch and their labels; here a "
                "layer gets one image. Ask for MixUp and CutMix by their own settings."
            )
    _refuse_weights(layer)
    _copy(layer)


def _refuse_weights(layer: Any) -> None:
    # They are set in too many ways (`adapt`, constraints, files) to be copied safely.
    if layer.weights:
        raise InputError(
            f"{_name(layer)} has weights. A layer that changes images can have none; "
            "give it numbers as arguments."
        )


def _parts(layer: Any) -> Iterator[Any]:
    """A layer, the layers within it, and all their generators."""
    seen = set()
    waiting = [layer]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, keras.random.SeedGenerator):
            yield part
        elif isinstance(part, keras.layers.Layer):
            yield part
            waiting += vars(part).values()
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, (list, tuple, set)):
            waiting += part


def _copy(layer: Any) -> Any:
    """The same layer with generators of its own."""
    classes = {
        type(part).__name__: type(part)
        for part in _parts(layer)
        if isinstance(part, keras.layers.Layer)
    }
    try:
        with ALONE, keras.saving.custom_object_scope(classes):
            return type(layer).from_config(layer.get_config())
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        raise InputError(
            f"{_name(layer)} cannot be copied; `from_config` should make the same "
            f"layer from what `get_config` returns. {error}"
        ) from error


def _call(layer: Any, images: Any) -> Any:
    """Calls a layer while it is traced, and looks at what it has done."""
    import tensorflow as tf

    numbers = _python_numbers()
    result = layer(images, training=True)
    _refuse_weights(layer)
    if not tf.is_tensor(result) or not result.shape.is_compatible_with(images.shape):
        raise InputError(
            f"{_name(layer)} should keep the shape {tuple(images.shape[1:])} of an "
            f"image. It returns {getattr(result, 'shape', type(result).__name__)}."
        )
    if _python_numbers() != numbers:
        raise InputError(
            f"{_name(layer)} draws by Python or NumPy, once for all images. Draw "
            "by `keras.random`, with a `keras.random.SeedGenerator`."
        )
    graph = images.graph.as_graph_def()
    nodes = itertools.chain(
        graph.node, *(function.node_def for function in graph.library.function)
    )
    impure = sorted({node.op for node in nodes if IMPURE.fullmatch(node.op)})
    if impure:
        raise InputError(
            f"{_name(layer)} is no function of an image and a seed ({impure[0]}). Draw "
            "by `keras.random`, with a `keras.random.SeedGenerator` that is an "
            "attribute of the layer, and use no variables."
        )
    result = tf.cast(result, tf.float32)
    return tf.ensure_shape(result, images.shape)


def _python_numbers() -> bytes:
    return pickle.dumps((random.getstate(), np.random.get_state()))


def _name(layer: Any) -> str:
    return f"{type(layer).__name__} {layer.name!r}"
