"""Copies of functional models, with more layers on the way."""

import dataclasses
import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from keras_senet.models.graph import is_functional, new_inputs, shell, tensors

# By the index of a call in the `Graph`: the layer that is called instead. `None` lets
# what comes in go on.
Replacements = Mapping[int, keras.layers.Layer | None]
# Where further layers go: the index of a call in the `Graph`, and which of its
# inputs, or None for its output.
Detours = Mapping[tuple[int, int | None], keras.layers.Layer]


def check_functional(model: Any) -> None:
    """Refuses what cannot be copied.

    Args:
        model: What should be a model.

    Raises:
        ValueError: If it is not functional.
    """
    if is_functional(model):
        return
    reason = f"of type {type(model).__name__}"
    if isinstance(model, keras.Sequential) and not model.built:
        reason = "which is not built: give it an `Input`"
    elif isinstance(model, keras.Function):
        reason += ", whose `call` computes something else than its graph"
    raise ValueError(
        "`model` should be a functional or sequential Keras model, whose graph is "
        f"known. Received: {getattr(model, 'name', model)!r}, {reason}"
    )


def with_nested(model: keras.Model) -> list[keras.Model]:
    """Gathers a model and all functional models in it.

    Args:
        model: A functional or sequential model.

    Returns:
        The models, each once.
    """
    found = {id(model): model}
    for layer in shell(model).layers:
        if is_functional(layer):
            found.update((id(each), each) for each in with_nested(layer))
    return list(found.values())


def copy_state(old: Any, new: Any, added: Sequence[Any] = ()) -> None:
    """Copies variables (seeds too), vocabularies, and what layers derive of them.

    Args:
        old: A layer.
        new: Its copy from its config, which is built.
        added: Variables that only the copy has.

    Raises:
        ValueError: If the variables of the two differ.
    """
    theirs = [x for x in new.variables if not any(x is each for each in added)]
    # Not their names, which Keras counts up for variables without one.
    had, has = (
        [(tuple(variable.shape), variable.dtype) for variable in variables]
        for variables in (old.variables, theirs)
    )
    if has != had:
        raise ValueError(
            f"A copy of layer {old.name} of type {type(old).__name__} from its config "
            f"should have the same variables. Received: {has} for {had}"
        )
    for source, target in zip(old.variables, theirs, strict=True):
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


def from_config(operation: Any, **changes: Any) -> Any:
    """Makes a layer or operation like another one, without its state.

    Args:
        operation: The old one.
        **changes: Entries of its config that are to be others.

    Raises:
        ValueError: If it cannot be made from its config.
    """
    try:
        return type(operation).from_config({**operation.get_config(), **changes})
    except Exception as error:
        reason = str(error)
        if isinstance(operation, keras.layers.Lambda):
            reason = "call `keras.config.enable_unsafe_deserialization()` to allow it"
        raise ValueError(
            "All layers of `model` should be such that they can be copied from their "
            f"config. Received: {operation.name} of type {type(operation).__name__}, "
            f"which cannot: {reason}"
        ) from error


def copy_model(
    model: keras.Model,
    name: str,
    detours: Mapping[int, Detours] | None = None,
    *,
    replaced: Mapping[int, Replacements] | None = None,
    inputs_like: Callable[[keras.Model], Any] = new_inputs,
    new_layer: Callable[[Any], Any] = from_config,
    copy_layer: Callable[[Any, Any], None] = copy_state,
) -> keras.Model:
    """Copies a model and its nested models, their weights and all other state.

    Args:
        model: A functional or sequential model.
        name: Name of the copy.
        detours: For the `id` of the model and of each nested one, the layers that
            tensors are to pass through besides.
        replaced: For the same, the calls of others than the old layers.
        inputs_like: Makes the inputs of the copy of a model, or of a nested one.
        new_layer: Makes a layer or operation like an old one.
        copy_layer: Gives a copied layer the state of the old one.

    Returns:
        A plain functional model. It shares nothing with the old one.

    Raises:
        ValueError: If a layer cannot be copied.
    """
    copies = _Copies(detours or {}, replaced or {}, inputs_like, new_layer)
    copied = copies.of_model(model, name)
    for old, new in copies.made.values():
        if isinstance(old, keras.layers.Layer) and not is_functional(old):
            copy_layer(old, new)
    return copied


@dataclasses.dataclass
class _Copies:
    """The copies of layers and operations, over all nested models.

    Attributes:
        made: By the `id` of an old one, that one and its copy.
    """

    detours: Mapping[int, Detours]
    replaced: Mapping[int, Replacements]
    inputs_like: Callable[[keras.Model], Any]
    new_layer: Callable[[Any], Any]
    made: dict[int, tuple[Any, Any]] = dataclasses.field(default_factory=dict)

    def of_model(self, model: keras.Model, name: str) -> keras.Model:
        """Copies a model, under a name."""
        detours = self.detours.get(id(model), {})
        replaced = self.replaced.get(id(model), {})
        inputs = self.inputs_like(model)
        indices = itertools.count(len(keras.tree.flatten(inputs)))

        def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            index = next(indices)
            positions = itertools.count()

            def arrive(value: Any) -> Any:
                if not isinstance(value, keras.KerasTensor):
                    return value
                detour = detours.get((index, next(positions)))
                return value if detour is None else detour(value)

            args, kwargs = keras.tree.map_structure(arrive, (args, kwargs))
            new = replaced[index] if index in replaced else self._of(operation)
            if new is None:
                outputs = tensors((args, kwargs))[0]
            else:
                outputs = new(*args, **kwargs)
            detour = detours.get((index, None))
            if detour is None:
                return outputs
            return keras.tree.map_structure(detour, outputs)

        return keras.models.clone_model(
            shell(model, name),
            input_tensors=inputs,
            clone_function=lambda operation: operation,
            call_function=call,
        )

    def _of(self, operation: Any) -> Any:
        if id(operation) not in self.made:
            if is_functional(operation):
                new = self.of_model(operation, operation.name)
            else:
                new = self.new_layer(operation)
            self.made[id(operation)] = (operation, new)
        return self.made[id(operation)][1]
