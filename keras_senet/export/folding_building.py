"""From a program to a new model, which computes in float32."""

import warnings
from typing import Any

import keras

from keras_senet.export.folding_affine import Affine
from keras_senet.export.folding_linear import Excitation, Linear
from keras_senet.export.folding_program import Program, Step
from keras_senet.layers import GroupedConv2D
from keras_senet.models.copying import copy_state
from keras_senet.models.graph import new_inputs, shell, tensors

OTHER_FLOATS = ("bfloat16", "float16", "float64", "mixed_bfloat16", "mixed_float16")
# What a layer is made with before it gets the functions of the old one.
FUNCTIONS = {"activation": "linear", "gate_activation": "sigmoid"}


def build(program: Program, model: keras.Model) -> keras.Model:
    """Makes the model that does what a program says.

    Args:
        program: The program.
        model: The model that it was made from, which lends inputs and name.

    Returns:
        A plain functional model.
    """
    inputs = new_inputs(model)
    made = dict(zip(map(id, program.inputs), keras.tree.flatten(inputs), strict=True))
    layers = _Layers(inputs)

    def replaced(value: Any) -> Any:
        if not isinstance(value, keras.KerasTensor):
            return value
        return made[id(program.current(value))]

    for step in program:
        args, kwargs = step.arguments
        if isinstance(step.work, (Affine, Excitation, Linear)):
            args, kwargs = program.taken(step), {}
        args, kwargs = keras.tree.map_structure(replaced, (args, kwargs))
        outputs = layers.of(step)(*args, **kwargs)
        made.update(zip(map(id, step.outputs), tensors(outputs), strict=True))
    outputs = [made[id(tensor)] for tensor in program.outputs]
    outputs = keras.tree.pack_sequence_as(shell(model).output, outputs)
    return keras.Model(inputs, outputs, name=model.name)


class _Layers:
    """The layers of the new model, each with a name of its own."""

    def __init__(self, inputs: Any) -> None:
        # By the `id` of the old ones, of which one can be called several times.
        self._made: dict[int, Any] = {}
        self._names = {tensor.name for tensor in keras.tree.flatten(inputs)}

    def of(self, step: Step) -> Any:
        """The layer or operation of a step."""
        work = step.work
        if id(work) not in self._made:
            self._made[id(work)] = self._new(step)
        return self._made[id(work)]

    def _new(self, step: Step) -> Any:
        work = step.work
        if isinstance(work, Affine):
            rank = len(step.outputs[0].shape)
            return work.layer(self._name(work.name), rank)
        if isinstance(work, Linear):
            return _linear(work, self._name(work.layer.name))
        if isinstance(work, Excitation):
            return _rebuilt(work.layer, self._name(work.layer.name), work.weights())
        return _copy(work, self._name(work.name))

    def _name(self, wanted: str) -> str:
        name, count = wanted, 0
        while name in self._names:
            count += 1
            name = f"{wanted}_{count}"
        self._names.add(name)
        return name


def _linear(work: Linear, name: str) -> Any:
    changes: dict[str, Any] = {"use_bias": work.use_bias}
    if work.padding is not None:
        changes["padding"] = work.padding
    return _rebuilt(work.layer, name, work.weights(), **changes)


def _rebuilt(layer: Any, name: str, weights: list[Any], **changes: Any) -> Any:
    """A layer with other weights, and what else has changed."""
    kind, config = type(layer), _config(layer)
    if kind is keras.layers.Conv2D and layer.groups > 1:
        # Keras' own layer makes files that other runtimes refuse.
        kind = GroupedConv2D
    # The weights hold what these add.
    config.pop("lora_rank", None)
    config.pop("lora_alpha", None)
    # Users' own functions cannot be made from a config.
    config.update((key, "zeros") for key in config if key.endswith("_initializer"))
    config.update((key, default) for key, default in FUNCTIONS.items() if key in config)
    new = kind.from_config({**config, **changes, "name": name})
    for key in FUNCTIONS:
        if key in config:
            setattr(new, key, getattr(layer, key))
    new.build_from_config(layer.get_build_config())
    new.set_weights(weights)
    return new


def _copy(operation: Any, name: str) -> Any:
    """A copy of a layer or operation with its state."""
    try:
        config = _config(operation)
        if "name" in config:
            config["name"] = name
        new = type(operation).from_config(config)
        if isinstance(operation, keras.layers.Layer):
            _copy_layer_state(operation, new)
        return new
    # Layers of users fail in any way; such a layer is shared, which changes nothing.
    except Exception:
        return operation


def _copy_layer_state(old: Any, new: Any) -> None:
    shapes = old.get_build_config()
    if shapes and not new.built:
        new.build_from_config(shapes)
    kinds = [[x.dtype for x in layer.variables] for layer in (old, new)]
    if kinds[0] == kinds[1]:
        copy_state(old, new)
        return
    for source, target in zip(old.variables, new.variables, strict=True):
        target.assign(keras.ops.cast(source, target.dtype))
    if hasattr(new, "finalize_state"):
        new.finalize_state()


def _config(operation: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        # Of functions without a name, which a file could not hold.
        warnings.simplefilter("ignore")
        return _for_inference(operation.get_config())


def _for_inference(config: Any, key: str = "") -> Any:
    """A config in float32 and without what matters in training only."""
    if key.endswith(("_regularizer", "_constraint")):
        return None
    if key == "dtype":
        # Written out, or by name.
        settings = config.get("config", {}) if isinstance(config, dict) else {}
        policy = settings.get("name", config)
        return "float32" if policy in OTHER_FLOATS else config
    if isinstance(config, dict):
        return {key: _for_inference(value, key) for key, value in config.items()}
    if isinstance(config, list):
        return [_for_inference(value) for value in config]
    return config
