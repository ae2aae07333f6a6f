"""Tensor to tensor: the parts that the networks are assembled from."""

from typing import Any

import keras
from keras import layers

from keras_senet.layers import GroupedConv2D, SqueezeExcite
from keras_senet.models.spec import SqueezeExciteSpec

# Epsilon 1e-5 and momentum 0.9 (torch counts the other way: 0.1) are those of
# all published residual networks; Keras' own defaults are 1e-3 and 0.99.
BATCH_NORM = {"epsilon": 1e-5, "momentum": 0.9}


def channel_axis() -> int:
    """The axis of the channels in a 4D feature map."""
    return 1 if keras.config.image_data_format() == "channels_first" else -1


def pad(x: Any, before: int, after: int, name: str) -> Any:
    """Pads height and width with zeros."""
    return layers.ZeroPadding2D(((before, after), (before, after)), name=name)(x)


def conv_bn(
    x: Any,
    filters: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    relu: bool = True,
    prefix: str,
    number: str = "",
) -> Any:
    """Convolution without bias, batch normalization and perhaps a ReLU.

    Strided convolutions are padded by `kernel // 2` on every side, as in the
    published networks; `padding="same"` would pad even sizes unequally.

    Args:
        x: Feature map.
        filters: Channels of the output.
        kernel: Side of the kernel.
        stride: Stride in both directions.
        groups: Cardinality.
        relu: Whether a ReLU follows.
        prefix: Start of the layers' names.
        number: End of the layers' names.

    Returns:
        The new feature map.
    """
    padding = "same"
    if stride > 1 and kernel > 1:
        x = pad(x, kernel // 2, kernel // 2, name=f"{prefix}pad{number}")
        padding = "valid"
    convolution = layers.Conv2D if groups == 1 else GroupedConv2D
    x = convolution(
        filters,
        kernel,
        strides=stride,
        padding=padding,
        groups=groups,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{prefix}conv{number}",
    )(x)
    x = layers.BatchNormalization(
        axis=channel_axis(), **BATCH_NORM, name=f"{prefix}bn{number}"
    )(x)
    return layers.ReLU(name=f"{prefix}relu{number}")(x) if relu else x


def stem_pool(x: Any, variant: str | None) -> Any:
    """The 3x3 max pool of stride 2, in the dialect's padding.

    `"pytorch"` pads one on every side. `"caffe"` does not pad but rounds the
    size up, which is one row and column of padding at the bottom and right. The
    map follows a ReLU, so padding with zeros changes no maximum.
    """
    before = 0 if variant == "caffe" else 1
    x = pad(x, before, 1, name="stem_pool_pad")
    return layers.MaxPooling2D(3, 2, name="stem_pool")(x)


def squeeze_excite(x: Any, spec: SqueezeExciteSpec, name: str) -> Any:
    """A Squeeze-and-Excitation block as the spec says, if it says any."""
    if spec.reduction is None:
        return x
    if spec.relu_before:
        x = layers.ReLU(name=f"{name}_relu")(x)
    return SqueezeExcite(
        spec.reduction,
        squeeze=spec.squeeze,
        gate_activation=spec.gate_activation,
        use_bias=spec.use_bias,
        name=name,
    )(x)


def drop_path(x: Any, rate: float, name: str) -> Any:
    """Drops the whole branch of an image at random in training, and rescales."""
    if not rate:
        return x
    shape = (None,) + (1,) * (len(x.shape) - 1)
    return layers.Dropout(rate, noise_shape=shape, name=name)(x)
