"""Every network, one row each, grouped by family."""

from collections.abc import Callable
from dataclasses import replace

import keras

from keras_senet.models.application import application
from keras_senet.models.spec import ResidualSpec

RESNET = ResidualSpec(
    about="SE-ResNet-50 (conference paper, tables 1 and 2).", depths=(3, 4, 6, 3)
)
BASIC = replace(RESNET, block="basic", expansion=1)
RESNEXT = replace(
    RESNET,
    about="SE-ResNeXt-50 32x4d (conference paper, tables 1 and 2).",
    reduce=2,
    middle=2,
    groups=32,
    strides_by_dialect=False,
)
SENET = replace(
    RESNEXT,
    about="SENet-154, the challenge winner's network (conference paper, table 3).",
    depths=(3, 8, 36, 3),
    stem=((64, 3, 2), (64, 3, 1), (128, 3, 1)),
    middle=4,
    groups=64,
    strided_shortcut=3,
    dropout=0.2,
)
SMALL = replace(
    BASIC,
    about="",
    widths=(16, 32, 64),
    stem=((16, 3, 1),),
    pool=False,
    variant=None,
    size=32,
    classes=10,
)


def _small(depth: int) -> ResidualSpec:
    about = (
        f"SE-ResNet-{depth} for small images, after the CIFAR networks of the journal "
        "paper (tables 4 and 5): stages of 16, 32 and 64 channels, 1x1 projections."
    )
    return replace(SMALL, about=about, depths=((depth - 2) // 6,) * 3)


def _row(about: str, base: ResidualSpec, *depths: int) -> ResidualSpec:
    return replace(base, about=about, depths=depths)


SPECS: dict[str, ResidualSpec] = {
    "se_resnet18": _row(
        "SE-ResNet-18, a later release than the paper.", BASIC, 2, 2, 2, 2
    ),
    "se_resnet34": _row(
        "SE-ResNet-34, a later release than the paper.", BASIC, 3, 4, 6, 3
    ),
    "se_resnet50": RESNET,
    "se_resnet101": _row(
        "SE-ResNet-101 (conference paper, table 2).", RESNET, 3, 4, 23, 3
    ),
    "se_resnet152": _row(
        "SE-ResNet-152 (conference paper, table 2).", RESNET, 3, 8, 36, 3
    ),
    "se_resnext26": _row(
        "SE-ResNeXt-26 32x4d, a later release than the paper.", RESNEXT, 2, 2, 2, 2
    ),
    "se_resnext50": RESNEXT,
    "se_resnext101": _row(
        "SE-ResNeXt-101 32x4d (conference paper, table 2).", RESNEXT, 3, 4, 23, 3
    ),
    "senet154": SENET,
    "se_resnet20": _small(20),
    "se_resnet32": _small(32),
    "se_resnet56": _small(56),
    "se_resnet110": _small(110),
}


def _application(function: str, name: str) -> Callable[..., keras.Model]:
    return application(function, name, SPECS[name])


SEResNet18 = _application("SEResNet18", "se_resnet18")
SEResNet34 = _application("SEResNet34", "se_resnet34")
SEResNet50 = _application("SEResNet50", "se_resnet50")
SEResNet101 = _application("SEResNet101", "se_resnet101")
SEResNet152 = _application("SEResNet152", "se_resnet152")
SEResNeXt26 = _application("SEResNeXt26", "se_resnext26")
SEResNeXt50 = _application("SEResNeXt50", "se_resnext50")
SEResNeXt101 = _application("SEResNeXt101", "se_resnext101")
SENet154 = _application("SENet154", "senet154")
SEResNet20 = _application("SEResNet20", "se_resnet20")
SEResNet32 = _application("SEResNet32", "se_resnet32")
SEResNet56 = _application("SEResNet56", "se_resnet56")
SEResNet110 = _application("SEResNet110", "se_resnet110")

NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "se_resnet18": SEResNet18,
    "se_resnet34": SEResNet34,
    "se_resnet50": SEResNet50,
    "se_resnet101": SEResNet101,
    "se_resnet152": SEResNet152,
    "se_resnext26": SEResNeXt26,
    "se_resnext50": SEResNeXt50,
    "se_resnext101": SEResNeXt101,
    "senet154": SENet154,
    "se_resnet20": SEResNet20,
    "se_resnet32": SEResNet32,
    "se_resnet56": SEResNet56,
    "se_resnet110": SEResNet110,
}
