"""From RGB pixels to what the networks were trained on."""

from typing import Any

import keras

# Per channel, of ImageNet's training images, in RGB 0..255.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


def normalization_layer(
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    name: str = "normalization",
) -> Any:
    """A layer that takes RGB 0..255 to zero mean and unit deviation.

    Args:
        mean: Mean of each channel, in 0..255.
        std: Standard deviation of each channel, in 0..255.
        name: The layer's name.

    Returns:
        A `keras.layers.Rescaling` layer without weights, channels last.

    Example:

    ```python
    images = keras.Input((224, 224, 3))
    x = normalization_layer()(images)
    model = keras_senet.SEResNet50(weights=None, input_tensor=x)
    ```
    """
    return keras.layers.Rescaling(
        scale=[1 / s for s in std],
        offset=[-m / s for m, s in zip(mean, std, strict=True)],
        name=name,
    )
