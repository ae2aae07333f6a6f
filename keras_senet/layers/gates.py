"""The gates of a network, as the outputs of a model (conference, section 6.3)."""

from collections.abc import Container
from typing import Any

import keras
from keras import ops

from keras_senet.layers.squeeze_excite import SqueezeExcite

FUNCTIONAL = (keras.Function, keras.Sequential)


@keras.saving.register_keras_serializable(package="keras_senet")
class Gate(keras.layers.Layer):
    """Computes the gates of a `SqueezeExcite` layer, whose weights it shares.

    Args:
        block: The `SqueezeExcite` layer.
        **kwargs: The keywords of every Keras layer.
    """

    def __init__(self, block: SqueezeExcite, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.block = block

    def build(self, input_shape: tuple) -> None:
        """Builds the block, if it is not built yet."""
        if not self.block.built:
            self.block.build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Returns the gates, without the axes of size one."""
        gate = self.block.compute_gate(inputs)
        if self.block.squeeze is None:
            return gate
        first = 2 if self.block.data_format == "channels_first" else 1
        return ops.squeeze(gate, tuple(range(first, first + len(inputs.shape) - 2)))

    def get_config(self) -> dict[str, Any]:
        """Returns the block."""
        block = keras.saving.serialize_keras_object(self.block)
        return {**super().get_config(), "block": block}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Gate":
        """Makes the layer and its block from `get_config`'s dictionary."""
        config = dict(config)
        block = keras.saving.deserialize_keras_object(config.pop("block"))
        return cls(block, **config)


def gates(model: keras.Model) -> keras.Model:
    """Makes a model that returns all gates of `model` instead of its outputs.

    The new model shares the weights of `model`, whose outputs and layers stay as
    they are. It is what the analysis of section 6.3 (figure 8) is made of.

    Args:
        model: A functional Keras model with `SqueezeExcite` layers, also within
            nested functional models, freshly built or loaded from disk.

    Returns:
        A functional model with the inputs of `model`. Its output is a dictionary
        from the name of each block, in the order of the network, to its gates:
        `(batch, channels)`, or the shape of the feature map for blocks with
        `squeeze=None`. Blocks of a nested model are named
        `"{nested model}/{block}"`, and a block that is called more than once
        gets `"_1"`, `"_2"`, ... appended.

    Raises:
        ValueError: If the model is not functional, or has no such layer.

    Example:

    ```python
    import keras_senet

    network = keras_senet.SEResNet20(weights=None)
    outputs = keras_senet.gates(network)(images)
    outputs["stage4_block3_se"].shape  # (len(images), 64)
    ```
    """
    if not isinstance(model, FUNCTIONAL):
        raise ValueError(
            "`model` should be a functional Keras model. "
            f"Received: model={model!r} of type {type(model).__name__}"
        )
    inputs, found = _collect(model)
    if not found:
        raise ValueError(
            "`model` should have at least one `SqueezeExcite` layer. "
            f"Received: {model.name} without any"
        )
    return keras.Model(inputs, found, name=f"{model.name}_gates")


def numbered(name: str, taken: Container[str]) -> str:
    """Appends the first number to a name that makes it a new one, if it is not new.

    Args:
        name: A name.
        taken: The names that there are.

    Returns:
        The new name.
    """
    unique, count = name, 0
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    return unique


def _collect(model: keras.Model) -> tuple[Any, dict[str, Any]]:
    """Walks through the calls of a model and gathers the gates by name."""
    found: dict[str, Any] = {}
    layers: dict[int, Gate] = {}

    def record(name: str, gate: Any) -> None:
        found[numbered(name, found)] = gate

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, SqueezeExcite):
            if id(layer) not in layers:
                layers[id(layer)] = Gate(
                    layer, name=f"{layer.name}_gate", dtype=layer.dtype_policy
                )
            record(layer.name, layers[id(layer)](*args))
        elif isinstance(layer, FUNCTIONAL):
            inner_inputs, inner = _collect(layer)
            if inner:
                inner_gates = keras.Model(inner_inputs, inner)(*args)
                for name, gate in inner_gates.items():
                    record(f"{layer.name}/{name}", gate)
        return layer(*args, **kwargs)

    # A copy of the outer shell: sequential models become functional, compiled
    # ones are walked without their losses.
    if isinstance(model, keras.Sequential):
        shell = keras.Model(model.inputs[0], model.outputs[0])
    else:
        shell = keras.Model(model.input, model.output)
    walked = keras.models.clone_model(
        shell, clone_function=lambda layer: layer, call_function=call
    )
    return walked.input, found
