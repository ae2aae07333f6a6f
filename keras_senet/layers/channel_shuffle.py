"""Interleaving groups of channels (Zhang et al., "ShuffleNet", 2018, figure 1)."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_senet")
class ChannelShuffle(keras.layers.Layer):
    """Interleaves the channels of groups, so that the next groups mix them.

    Channel `g * n + i`, the i-th of group g, becomes channel `i * groups + g`.

    Args:
        groups: How many groups the channels consist of.
        data_format: `"channels_last"` or `"channels_first"`. `None` takes
            `keras.config.image_data_format()`.
        **kwargs: The keywords of every Keras layer.

    Input shape:
        A feature map of rank 4. All but the channels may be `None`.

    Output shape:
        The shape of the input.

    Raises:
        ValueError: If the channels do not divide by the groups.
    """

    def __init__(
        self, groups: int, *, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(groups, int) or groups < 1:
            raise ValueError(
                "`groups` should be an integer of at least 1. "
                f"Received: groups={groups!r}"
            )
        self.groups = groups
        self.data_format = data_format or keras.config.image_data_format()

    def build(self, input_shape: tuple) -> None:
        """Checks that the channels divide."""
        self.channels = input_shape[1 if self.data_format == "channels_first" else -1]
        if self.channels is None or self.channels % self.groups:
            raise ValueError(
                "The channels of the input of `ChannelShuffle` should be a multiple "
                f"of groups={self.groups}. Received: input_shape={tuple(input_shape)}"
            )

    def call(self, inputs: Any) -> Any:
        """Writes the channels as a matrix and transposes it."""
        shape = list(ops.shape(inputs))
        # Known sizes keep shape arithmetic out of exported graphs.
        shape[0] = -1
        axis = 1 if self.data_format == "channels_first" else 3
        matrix = [self.groups, self.channels // self.groups]
        x = ops.reshape(inputs, shape[:axis] + matrix + shape[axis + 1 :])
        return ops.reshape(ops.swapaxes(x, axis, axis + 1), shape)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns all arguments of the layer."""
        config = {"groups": self.groups, "data_format": self.data_format}
        return {**super().get_config(), **config}
