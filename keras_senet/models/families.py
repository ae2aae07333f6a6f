"""Every network, one row each, grouped by family."""

from collections.abc import Callable
from dataclasses import replace

import keras

from keras_senet.models.application import application
from keras_senet.models.bn_inception import BN_INCEPTION
from keras_senet.models.inception import INCEPTION_RESNET_V2, INCEPTION_V3
from keras_senet.models.mobile import MOBILENET, SHUFFLENET, VGG16
from keras_senet.models.spec import NetworkSpec, ResidualSpec

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
WIDER_RESNEXT = replace(RESNEXT, depths=(3, 4, 23, 3), reduce=4, middle=4)
DEEP_STEM = ((32, 3, 2), (32, 3, 1), (64, 3, 1))
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
SMALL = ResidualSpec(
    about="",
    depths=(),
    widths=(16, 32, 64),
    stem=((16, 3, 1),),
    pool=False,
    block="basic",
    expansion=1,
    strides_by_dialect=False,
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


PREACTIVATION = replace(
    SMALL,
    about=(
        "SE-ResNet-164 for small images (journal paper, tables 4 and 5): bottlenecks "
        'with pre-activation (He et al., "Identity Mappings in Deep Residual '
        'Networks", 2016).'
    ),
    depths=(18, 18, 18),
    unit="preactivation",
    block="bottleneck",
    expansion=4,
)
WIDE = replace(
    PREACTIVATION,
    about=(
        "SE-WRN-16-8 for small images (journal paper, tables 4 and 5): wide "
        "pre-activation blocks of two 3x3 convolutions (Zagoruyko and Komodakis, "
        '"Wide Residual Networks", 2016), SE on the branch before the sum.'
    ),
    depths=(2, 2, 2),
    widths=(128, 256, 512),
    block="basic",
    expansion=1,
)
SHAKE_SHAKE = replace(
    SMALL,
    about=(
        "SE-Shake-Shake 26 2x96d for small images (journal paper, tables 4 and 5): "
        "two branches mixed at random, per image, in forward and backward pass "
        '(Gastaldi, "Shake-Shake regularization", 2017). SE on the mixture is our '
        "choice; the paper does not say where it stood."
    ),
    depths=(4, 4, 4),
    widths=(96, 192, 384),
    unit="shake_shake",
)


def _row(about: str, base: ResidualSpec, *depths: int) -> ResidualSpec:
    return replace(base, about=about, depths=depths)


SPECS: dict[str, NetworkSpec] = {
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
    "se_resnext101_64x4d": replace(
        WIDER_RESNEXT, about="SE-ResNeXt-101 64x4d, a later release.", groups=64
    ),
    "se_resnext101_32x8d": replace(
        WIDER_RESNEXT, about="SE-ResNeXt-101 32x8d, a later release."
    ),
    "se_resnet152d": replace(
        RESNET,
        about=(
            "SE-ResNet-152-D, a later release: three convolutions as stem, pooled "
            'shortcuts (He et al., "Bag of Tricks for Image Classification with '
            'Convolutional Neural Networks", 2018).'
        ),
        depths=(3, 8, 36, 3),
        stem=DEEP_STEM,
        pooled_shortcut=True,
        size=256,
    ),
    "senet154": SENET,
    "se_bn_inception": BN_INCEPTION,
    "se_inception_v3": INCEPTION_V3,
    "se_inception_resnet_v2": INCEPTION_RESNET_V2,
    "se_vgg16": VGG16,
    "se_mobilenet": MOBILENET,
    "se_shufflenet": SHUFFLENET,
    "se_resnet20": _small(20),
    "se_resnet32": _small(32),
    "se_resnet56": _small(56),
    "se_resnet110": _small(110),
    "se_resnet164": PREACTIVATION,
    "se_wide_resnet16_8": WIDE,
    "se_shake_shake26_2x96d": SHAKE_SHAKE,
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
SEResNeXt101_64x4d = _application("SEResNeXt101_64x4d", "se_resnext101_64x4d")
SEResNeXt101_32x8d = _application("SEResNeXt101_32x8d", "se_resnext101_32x8d")
SEResNet152D = _application("SEResNet152D", "se_resnet152d")
SENet154 = _application("SENet154", "senet154")
SEBNInception = _application("SEBNInception", "se_bn_inception")
SEInceptionV3 = _application("SEInceptionV3", "se_inception_v3")
SEInceptionResNetV2 = _application("SEInceptionResNetV2", "se_inception_resnet_v2")
SEVGG16 = _application("SEVGG16", "se_vgg16")
SEMobileNet = _application("SEMobileNet", "se_mobilenet")
SEShuffleNet = _application("SEShuffleNet", "se_shufflenet")
SEResNet20 = _application("SEResNet20", "se_resnet20")
SEResNet32 = _application("SEResNet32", "se_resnet32")
SEResNet56 = _application("SEResNet56", "se_resnet56")
SEResNet110 = _application("SEResNet110", "se_resnet110")
SEResNet164 = _application("SEResNet164", "se_resnet164")
SEWideResNet16_8 = _application("SEWideResNet16_8", "se_wide_resnet16_8")
SEShakeShake26_2x96d = _application("SEShakeShake26_2x96d", "se_shake_shake26_2x96d")

NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "se_resnet18": SEResNet18,
    "se_resnet34": SEResNet34,
    "se_resnet50": SEResNet50,
    "se_resnet101": SEResNet101,
    "se_resnet152": SEResNet152,
    "se_resnext26": SEResNeXt26,
    "se_resnext50": SEResNeXt50,
    "se_resnext101": SEResNeXt101,
    "se_resnext101_64x4d": SEResNeXt101_64x4d,
    "se_resnext101_32x8d": SEResNeXt101_32x8d,
    "se_resnet152d": SEResNet152D,
    "senet154": SENet154,
    "se_bn_inception": SEBNInception,
    "se_inception_v3": SEInceptionV3,
    "se_inception_resnet_v2": SEInceptionResNetV2,
    "se_vgg16": SEVGG16,
    "se_mobilenet": SEMobileNet,
    "se_shufflenet": SEShuffleNet,
    "se_resnet20": SEResNet20,
    "se_resnet32": SEResNet32,
    "se_resnet56": SEResNet56,
    "se_resnet110": SEResNet110,
    "se_resnet164": SEResNet164,
    "se_wide_resnet16_8": SEWideResNet16_8,
    "se_shake_shake26_2x96d": SEShakeShake26_2x96d,
}
