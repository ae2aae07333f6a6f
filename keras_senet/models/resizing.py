"""The same network, with the same weights, for images of another size."""

from typing import Any

import keras

from keras_senet.models.copying import copy_model
from keras_senet.models.graph import new_inputs


def at_size(model: keras.Model, size: int) -> keras.Model:
    """Rebuilds a network for images of another size.

    Convolutions and global pools know no size, so that the copy is what a network
    that was built at that size would be.

    Args:
        model: A functional or sequential model of images, channels last. It may have
            models in it.
        size: Side of the images, in pixels.

    Returns:
        A functional model, which shares nothing with the old one.

    Raises:
        ValueError: If its weights belong to a size, such as those of a dense layer
            on a flattened map, or it refuses the size.

    Example:

    ```python
    at_size(model, 48).input_shape  # (None, 48, 48, 3)
    ```
    """

    def inputs_like(part: keras.Model) -> Any:
        # Models within see maps of a size that follows.
        side = size if part is model else None

        def shape_of(tensor: Any) -> tuple:
            shape = tuple(tensor.shape)
            return (shape[0], side, side, shape[3]) if len(shape) == 4 else shape

        return new_inputs(part, shape_of)

    return copy_model(model, model.name, {}, inputs_like=inputs_like)
