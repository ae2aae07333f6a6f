"""Tensor to tensor: the parts that the networks are assembled from."""

from typing import Any

import keras
from keras import layers

from keras_senet.layers import GroupedConv2D, SqueezeExcite
from keras_senet.models.spec import SqueezeExciteSpec


def he_normal() -> keras.initializers.Initializer:
    """The initializer of He et al. (2015): a normal distribution, not truncated.

    Keras' `"he_normal"` truncates it, which takes twice as long.
    """
    return keras.initializers.VarianceScaling(
        scale=2.0, mode="fan_in", distribution="untruncated_normal"
    )


def channel_axis() -> int:
    """The axis of the channels in a 4D feature map."""
    return 1 if keras.config.image_data_format() == "channels_first" else -1


def pad(x: Any, before: int, after: int, name: str) -> Any:
    """Pads height and width with zeros."""
    return layers.ZeroPadding2D(((before, after), (before, after)), name=name)(x)


def padded(
    x: Any, kernel: int | tuple[int, int], padding: str, name: str
) -> tuple[Any, str]:
    """Pads as `"symmetric"` and `"end"` say; what is left is for the layer.

    Returns:
        The feature map, and `"same"` or `"valid"`.
    """
    if padding == "symmetric":
        half = max(kernel) // 2 if isinstance(kernel, tuple) else kernel // 2
        return pad(x, half, half, name), "valid"
    return (pad(x, 0, 1, name), "valid") if padding == "end" else (x, padding)


def convolution(
    x: Any,
    filters: int | None,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    padding: str = "symmetric",
    groups: int = 1,
    use_bias: bool = False,
    prefix: str,
    number: str = "",
) -> Any:
    """Convolution, grouped or depthwise where asked for.

    Args:
        x: Feature map.
        filters: Channels of the output; `None` for a depthwise convolution.
        kernel: Side of the kernel, or its height and width.
        stride: Stride in both directions.
        padding: `"same"` or `"valid"` as in Keras; `"symmetric"`: half the kernel
            on every side, as in the published residual networks, where `"same"`
            pads even sizes unequally; `"end"`: one at the bottom and right.
        groups: Cardinality.
        use_bias: Whether there is a bias.
        prefix: Start of the layers' names.
        number: End of the layers' names.

    Returns:
        The new feature map.
    """
    if padding == "symmetric" and (stride == 1 or kernel == 1):
        padding = "same"
    x, padding = padded(x, kernel, padding, name=f"{prefix}pad{number}")
    settings = {
        "strides": stride,
        "padding": padding,
        "use_bias": use_bias,
        "name": f"{prefix}conv{number}",
    }
    if filters is None:
        return layers.DepthwiseConv2D(
            kernel, depthwise_initializer=he_normal(), **settings
        )(x)
    kind = layers.Conv2D if groups == 1 else GroupedConv2D
    return kind(
        filters, kernel, groups=groups, kernel_initializer=he_normal(), **settings
    )(x)


def normalization(
    x: Any,
    name: str,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    gamma: bool = True,
) -> Any:
    """Batch normalization.

    The defaults are those of all published residual networks (torch counts the
    momentum the other way: 0.1); Keras' own are 1e-3 and 0.99.
    """
    return layers.BatchNormalization(
        axis=channel_axis(), epsilon=epsilon, momentum=momentum, scale=gamma, name=name
    )(x)


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
    x = convolution(
        x, filters, kernel, stride=stride, groups=groups, prefix=prefix, number=number
    )
    x = normalization(x, f"{prefix}bn{number}")
    return layers.ReLU(name=f"{prefix}relu{number}")(x) if relu else x


def bn_relu_conv(
    x: Any,
    filters: int,
    kernel: int,
    *,
    stride: int = 1,
    prefix: str,
    number: str = "",
) -> Any:
    """Batch normalization, ReLU and a convolution without bias.

    The arguments are those of `conv_bn`.
    """
    x = bn_relu(x, prefix=prefix, number=number)
    return convolution(x, filters, kernel, stride=stride, prefix=prefix, number=number)


def bn_relu(x: Any, *, prefix: str, number: str = "") -> Any:
    """Batch normalization and ReLU."""
    x = normalization(x, f"{prefix}bn{number}")
    return layers.ReLU(name=f"{prefix}relu{number}")(x)


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
