"""Every network of the package, for the formats that it is exported to."""

import pytest

from keras_senet.models import families

# Each is built of the same parts as one that is shorter, or takes gigabytes to convert.
LONG = (
    "se_resnet34",
    "se_resnet101",
    "se_resnet152",
    "se_resnext50",
    "se_resnext101",
    "se_resnext101_64x4d",
    "se_resnext101_32x8d",
    "se_resnet32",
    "se_resnet56",
    "se_resnet110",
    "se_resnet152d",
    "senet154",
    "se_resnet50",
    "se_vgg16",
    "se_inception_v3",
    "se_inception_resnet_v2",
)
NETWORKS = [
    pytest.param(name, marks=pytest.mark.rare if name in LONG else ())
    for name in families.NETWORKS
]
