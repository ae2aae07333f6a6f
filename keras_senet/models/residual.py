"""Residual networks from a `ResidualSpec` (conference, sections 3.3 and 4)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from keras import layers

from keras_senet.layers import ShakeShake
from keras_senet.models.blocks import (
    bn_relu,
    bn_relu_conv,
    channel_axis,
    conv_bn,
    convolution,
    drop_path,
    normalization,
    squeeze_excite,
    stem_pool,
)
from keras_senet.models.spec import ResidualSpec


def residual_network(x: Any, spec: ResidualSpec) -> Any:
    """Stem and stages.

    Args:
        x: Preprocessed images.
        spec: What the network looks like.

    Returns:
        The last feature map.
    """
    x = stem(x, spec)
    unit = UNITS[spec.unit]
    position, last = 0, max(1, sum(spec.depths) - 1)
    for stage, width, depth in zip(spec.stages, spec.widths, spec.depths, strict=True):
        for block in range(1, depth + 1):
            place = Place(
                spec=spec,
                stage=stage,
                prefix=f"stage{stage}_block{block}_",
                width=width,
                stride=2 if block == 1 and stage > 2 else 1,
                drop_rate=spec.drop_path * position / last,
            )
            x = unit(x, place)
            position += 1
    if spec.unit == "preactivation":
        return bn_relu(x, prefix="head_")
    return layers.ReLU(name="head_relu")(x) if spec.unit == "shake_shake" else x


def stem(x: Any, spec: ResidualSpec) -> Any:
    """The convolutions before the first stage, and their pool."""
    for index, (filters, kernel, stride) in enumerate(spec.stem, start=1):
        number = "" if len(spec.stem) == 1 else str(index)
        if spec.unit == "preactivation":
            x = convolution(
                x, filters, kernel, stride=stride, prefix="stem_", number=number
            )
            continue
        relu = spec.unit == "residual"
        x = conv_bn(
            x, filters, kernel, stride=stride, relu=relu, prefix="stem_", number=number
        )
    return stem_pool(x, spec.variant) if spec.pool else x


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a residual unit stands in its network, and what that makes of it."""

    spec: ResidualSpec
    stage: int
    prefix: str
    width: int
    stride: int
    drop_rate: float

    @property
    def filters(self) -> int:
        """Channels of the unit's output."""
        return self.width * self.spec.expansion

    def excite(self, placement: str, x: Any) -> Any:
        """SE, if this is where the spec places it (journal, figure 5)."""
        se = self.spec.se
        stages = se.stages or self.spec.stages
        here = se.placement == placement and self.stage in stages
        return squeeze_excite(x, se, f"{self.prefix}se") if here else x

    def is_projected(self, x: Any) -> bool:
        """Whether the shortcut needs a projection to the shape of the sum."""
        return self.stride > 1 or x.shape[channel_axis()] != self.filters

    def sum(self, branch: Any, shortcut: Any) -> Any:
        """The branch with SE and drop path, plus the shortcut with SE."""
        branch = self.excite("standard", branch)
        branch = drop_path(branch, self.drop_rate, f"{self.prefix}drop_path")
        shortcut = self.excite("identity", shortcut)
        return layers.Add(name=f"{self.prefix}add")([branch, shortcut])


def residual_unit(x: Any, place: Place) -> Any:
    """Convolutions with normalization; the sum's ReLU ends the unit."""
    spec, prefix = place.spec, place.prefix
    body = bottleneck if spec.block == "bottleneck" else basic
    branch = body(place.excite("pre", x), place)
    shortcut = x
    if place.is_projected(x):
        shortcut = projection(x, place)
    x = layers.ReLU(name=f"{prefix}out")(place.sum(branch, shortcut))
    return place.excite("post", x)


def projection(x: Any, place: Place) -> Any:
    """The shortcut's convolution, which carries the stride, or a pool before it."""
    spec, prefix, stride = place.spec, f"{place.prefix}proj_", place.stride
    kernel = spec.strided_shortcut if stride > 1 else 1
    if spec.pooled_shortcut and stride > 1:
        # "same": odd sizes are rounded up, and what is beyond the map not averaged.
        x = layers.AveragePooling2D(2, stride, padding="same", name=f"{prefix}pool")(x)
        stride = 1
    return conv_bn(x, place.filters, kernel, stride=stride, relu=False, prefix=prefix)


def bottleneck(x: Any, place: Place) -> Any:
    """1x1 reduce, 3x3, 1x1 increase; SE_3x3 stands behind the second ReLU."""
    spec, prefix, width = place.spec, place.prefix, place.width
    first, second = 1, place.stride
    if spec.strides_by_dialect and spec.variant == "caffe":
        first, second = second, first
    x = conv_bn(x, width * spec.reduce, 1, stride=first, prefix=prefix, number="1")
    x = conv_bn(
        x,
        width * spec.middle,
        3,
        stride=second,
        groups=spec.groups,
        prefix=prefix,
        number="2",
    )
    x = place.excite("3x3", x)
    return conv_bn(x, place.filters, 1, relu=False, prefix=prefix, number="3")


def basic(x: Any, place: Place) -> Any:
    """Two 3x3 convolutions, the first of which carries the stride."""
    prefix = place.prefix
    x = conv_bn(x, place.width, 3, stride=place.stride, prefix=prefix, number="1")
    return conv_bn(x, place.filters, 3, relu=False, prefix=prefix, number="2")


def preactivation_unit(x: Any, place: Place) -> Any:
    """Normalization and ReLU before each convolution, nothing after the sum.

    He et al., "Identity Mappings in Deep Residual Networks" (2016), and wide
    residual networks. A projection shares the first normalization and ReLU with
    the branch; `"pre"` stands behind them, so that the shortcut keeps its input.
    """
    prefix, width, stride = place.prefix, place.width, place.stride
    active = bn_relu(x, prefix=prefix, number="1")
    shortcut = x
    if place.is_projected(x):
        shortcut = convolution(
            active, place.filters, 1, stride=stride, prefix=f"{prefix}proj_"
        )
    branch = place.excite("pre", active)
    named: dict[str, Any] = {"prefix": prefix, "number": "1"}
    if place.spec.block == "basic":
        branch = convolution(branch, width, 3, stride=stride, **named)
        branch = bn_relu_conv(branch, place.filters, 3, prefix=prefix, number="2")
    else:
        branch = convolution(branch, width, 1, **named)
        branch = bn_relu_conv(
            branch, width, 3, stride=stride, prefix=prefix, number="2"
        )
        branch = place.excite("3x3", bn_relu(branch, prefix=prefix, number="3"))
        branch = convolution(branch, place.filters, 1, prefix=prefix, number="3")
    return place.excite("post", place.sum(branch, shortcut))


def shake_shake_unit(x: Any, place: Place) -> Any:
    """Two branches of ReLU, 3x3, 3x3, mixed at random in training.

    Gastaldi, "Shake-Shake regularization" (2017). SE stands on the mixture. A
    projection halves the map on two paths, one of them shifted by a pixel.
    """
    prefix = place.prefix
    active = layers.ReLU(name=f"{prefix}relu")(x)
    start = place.excite("pre", active)
    branches = [
        basic(start, replace(place, prefix=f"{prefix}branch{branch}_"))
        for branch in (1, 2)
    ]
    shortcut = x
    if place.is_projected(x):
        shortcut = shifted_projection(active, place)
    branch = ShakeShake(name=f"{prefix}mix")(branches)
    return place.excite("post", place.sum(branch, shortcut))


def shifted_projection(x: Any, place: Place) -> Any:
    """A projection whose second half sees the pixels that the first one skips."""
    prefix = f"{place.prefix}proj_"
    if place.stride == 1:
        return conv_bn(x, place.filters, 1, relu=False, prefix=prefix)
    shifted = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{prefix}pad")(x)
    shifted = layers.Cropping2D(((1, 0), (1, 0)), name=f"{prefix}crop")(shifted)
    halves = [
        convolution(
            half,
            place.filters // 2,
            1,
            stride=place.stride,
            prefix=prefix,
            number=str(number),
        )
        for number, half in enumerate((x, shifted), start=1)
    ]
    x = layers.Concatenate(axis=channel_axis(), name=f"{prefix}concat")(halves)
    return normalization(x, f"{prefix}bn")


UNITS: dict[str, Callable[[Any, Place], Any]] = {
    "residual": residual_unit,
    "preactivation": preactivation_unit,
    "shake_shake": shake_shake_unit,
}
