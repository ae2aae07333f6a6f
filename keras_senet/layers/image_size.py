"""Refusing images of a size that a network cannot take."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_senet")
class ImageSize(keras.layers.Layer):
    """The identity, for images whose sides fit.

    Stands at the entry of networks that take images of many sizes, but not of
    every one, and speaks as soon as a concrete shape is seen.

    Args:
        period: Height and width should be from `period * k + first` to
            `period * k + last`, for a positive integer k.
        first: See `period`.
        last: See `period`.
        data_format: `"channels_last"` or `"channels_first"`. `None` takes
            `keras.config.image_data_format()`.
        **kwargs: The keywords of every Keras layer.

    Input shape:
        Images, `(batch, height, width, channels)` or channels first.

    Output shape:
        The shape of the input.

    Raises:
        ValueError: If a known side does not fit.
    """

    def __init__(
        self,
        period: int,
        first: int,
        last: int,
        *,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.period = period
        self.first = first
        self.last = last
        self.data_format = data_format or keras.config.image_data_format()

    def call(self, inputs: Any) -> Any:
        """Looks at the shape and returns the images."""
        shape = tuple(inputs.shape)[1:]
        sides = shape[1:] if self.data_format == "channels_first" else shape[:-1]
        for side in sides:
            if isinstance(side, int):
                check_side(side, self.period, self.first, self.last)
        return inputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns all arguments of the layer."""
        return {
            **super().get_config(),
            "period": self.period,
            "first": self.first,
            "last": self.last,
            "data_format": self.data_format,
        }


def check_side(side: int, period: int, first: int, last: int) -> None:
    """Refuses a side that does not fit, and says which ones near by do."""
    below, offset = divmod(side - first, period)
    if below >= 1 and offset <= last - first:
        return
    near = [
        f"{period * k + first} to {period * k + last}"
        for k in (below, below + 1)
        if k >= 1
    ]
    raise ValueError(
        "Height and width of the images should be such that the network's "
        f"branches have equal sizes; near by, {' and '.join(near)} are. "
        f"Received: a side of {side} pixels"
    )
