"""Copies of functional models, with more layers on the way."""

import itertools
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_senet.models.graph import is_functional, new_inputs, shell

# Where further layers go: the index of a call in the `Graph`, and which of its
# inputs, or None for its output.
Detours = Mapping[tuple[int, int | None], keras.layers.Layer]


def copy_state(old: Any, new: Any) -> None:
    """Copies variables (seeds too), vocabularies, and what layers derive of them.

    Args:
        old: A layer.
        new: Its copy from its config, which is built.

    Raises:
        ValueError: If the variables of the two differ.
    """
    # Not their names, which Keras counts up for variables without one.
    had, has = (
        [(tuple(variable.shape), variable.dtype) for variable in layer.variables]
        for layer in (old, new)
    )
    if has != had:
        raise ValueError(
            f"A copy of layer {old.name} of type {type(old).__name__} from its config "
            f"should have the same variables. Received: {has} for {had}"
        )
    for source, target in zip(old.variables, new.variables, strict=True):
        # JAX would let both have the same array, which training consumes.
        target.assign(keras.ops.copy(source))
        if target.trainable != source.trainable:
            target.trainable = source.trainable
    if hasattr(old, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)
    if hasattr(new, "finalize_state"):
        new.finalize_state()


def copy_model(
    model: keras.Model,
    name: str,
    detours: Mapping[int, Detours],
    *,
    inputs_like: Callable[[keras.Model], Any] = new_inputs,
    copy_layer: Callable[[Any, Any], None] = copy_state,
) -> keras.Model:
    """Copies a model and its nested models, their weights and all other state.

    Args:
        model: A functional or sequential model.
        name: Name of the copy.
        detours: For the `id` of the model and of each nested one, the layers that
            tensors are to pass through besides.
        inputs_like: Makes the inputs of the copy of a model, or of a nested one.
        copy_layer: Gives a copied layer the state of the old one.

    Returns:
        A plain functional model. It shares nothing with the old one.

    Raises:
        ValueError: If a layer cannot be copied.
    """
    copies: dict[int, tuple[Any, Any]] = {}
    copied = _rebuild(model, name, detours, inputs_like, copies)
    for old, new in copies.values():
        if isinstance(old, keras.layers.Layer) and not is_functional(old):
            copy_layer(old, new)
    return copied


def _rebuild(
    model: keras.Model,
    name: str,
    detours: Mapping[int, Detours],
    inputs_like: Callable[[keras.Model], Any],
    copies: dict[int, tuple[Any, Any]],
) -> keras.Model:
    here = detours.get(id(model), {})
    inputs = inputs_like(model)
    indices = itertools.count(len(keras.tree.flatten(inputs)))

    def copy(operation: Any) -> Any:
        # Over all nested models, since a layer can be part of several.
        if id(operation) not in copies:
            if is_functional(operation):
                new = _rebuild(operation, operation.name, detours, inputs_like, copies)
            else:
                new = _from_config(operation)
            copies[id(operation)] = (operation, new)
        return copies[id(operation)][1]

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        index = next(indices)
        positions = itertools.count()

        def arrive(value: Any) -> Any:
            if not isinstance(value, keras.KerasTensor):
                return value
            detour = here.get((index, next(positions)))
            return value if detour is None else detour(value)

        args, kwargs = keras.tree.map_structure(arrive, (args, kwargs))
        outputs = operation(*args, **kwargs)
        detour = here.get((index, None))
        return outputs if detour is None else keras.tree.map_structure(detour, outputs)

    return keras.models.clone_model(
        shell(model, name),
        input_tensors=inputs,
        clone_function=copy,
        call_function=call,
    )


def _from_config(operation: Any) -> Any:
    try:
        return type(operation).from_config(operation.get_config())
    except Exception as error:
        reason = str(error)
        if isinstance(operation, keras.layers.Lambda):
            reason = "call `keras.config.enable_unsafe_deserialization()` to allow it"
        raise ValueError(
            "All layers of `model` should be such that they can be copied from their "
            f"config. Received: {operation.name} of type {type(operation).__name__}, "
            f"which cannot: {reason}"
        ) from error
