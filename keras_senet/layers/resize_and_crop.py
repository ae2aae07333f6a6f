"""The resizing and the center crop of the tests that published accuracies are of."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_senet")
class ResizeAndCrop(keras.layers.Layer):
    """Resizes the shorter side and cuts a square out of the middle.

    It does what published networks were tested with, PIL's antialiased resizing of
    8-bit images and the crop of torchvision, to the rounding: sizes and offsets are
    the same whole numbers, the width is resized first, and both results are rounded
    and kept in 0..255. (`keras.layers.Resizing` cuts out first and resizes then,
    which shifts the image by fractions of a pixel.) Rounding has no gradient.

    Args:
        size: Side of the square, in pixels.
        shorter: What the shorter side is resized to before, at least `size`.
        interpolation: `"bilinear"` or `"bicubic"`.
        data_format: `"channels_last"` or `"channels_first"`. `None` takes
            `keras.config.image_data_format()`.
        **kwargs: The keywords of every Keras layer.

    Input shape:
        Images in 0..255 of any size, `(batch, height, width, channels)` or channels
        first.

    Output shape:
        `(batch, size, size, channels)`, or channels first.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    ```python
    layer = ResizeAndCrop(224, shorter=256, interpolation="bicubic")
    layer(keras.ops.zeros((1, 480, 640, 3), dtype="uint8")).shape
    ```
    """

    def __init__(
        self,
        size: int,
        *,
        shorter: int,
        interpolation: str = "bilinear",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= size <= shorter:
            raise ValueError(
                "`size` should be from 1 to `shorter`. "
                f"Received: size={size}, shorter={shorter}"
            )
        if interpolation not in ("bilinear", "bicubic"):
            raise ValueError(
                "`interpolation` should be 'bilinear' or 'bicubic'. "
                f"Received: interpolation={interpolation!r}"
            )
        self.size = size
        self.shorter = shorter
        self.interpolation = interpolation
        self.data_format = data_format or keras.config.image_data_format()
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Resizes and cuts in one go, the width and then the height."""
        x = ops.cast(inputs, self.compute_dtype)
        first = 2 if self.data_format == "channels_first" else 1
        height, width = (
            ops.convert_to_tensor(side, "int32")
            for side in ops.shape(x)[first : first + 2]
        )
        least = ops.minimum(height, width)
        x = self._along(x, first + 1, width, least)
        return self._along(x, first, height, least)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape with both sides replaced."""
        if self.data_format == "channels_first":
            return (*input_shape[:2], self.size, self.size)
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Returns all arguments of the layer."""
        return {
            **super().get_config(),
            "size": self.size,
            "shorter": self.shorter,
            "interpolation": self.interpolation,
            "data_format": self.data_format,
        }

    def _along(self, x: Any, axis: int, side: Any, least: Any) -> Any:
        resized = ops.cast(ops.floor_divide(self.shorter * side, least), "float32")
        scale = ops.divide(resized, ops.cast(side, "float32"))
        # Half to even, like Python's `round`, which torchvision calls.
        offset = ops.round((resized - self.size) / 2)
        shape = list(ops.shape(x))
        shape[axis] = self.size
        x = ops.image.scale_and_translate(
            x,
            output_shape=tuple(shape),
            scale=ops.reshape(scale, (1,)),
            translation=ops.reshape(-offset, (1,)),
            spatial_dims=(axis,),
            method=self.interpolation,
            antialias=True,
        )
        return ops.clip(ops.floor(x + 0.5), 0, 255)
