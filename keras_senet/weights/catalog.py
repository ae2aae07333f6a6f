"""Which checkpoint `weights="imagenet"` stands for, network by network."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A published checkpoint.

    Attributes:
        tag: Its published name.
        variant: The dialect in which it is right, if its network has dialects.
    """

    tag: str
    variant: str | None = None


def _timm(tag: str) -> Checkpoint:
    legacy = tag.startswith("legacy_")
    return Checkpoint(tag=tag, variant="caffe" if legacy else "pytorch")


IMAGENET = {
    "se_resnet18": _timm("legacy_seresnet18"),
    "se_resnet34": _timm("legacy_seresnet34"),
    "se_resnet50": _timm("seresnet50.ra2_in1k"),
    "se_resnet101": _timm("legacy_seresnet101"),
    "se_resnet152": _timm("legacy_seresnet152"),
    "se_resnext26": _timm("legacy_seresnext26_32x4d"),
    "se_resnext50": _timm("seresnext50_32x4d.racm_in1k"),
    "se_resnext101": _timm("seresnext101_32x4d.gluon_in1k"),
    "senet154": _timm("senet154.gluon_in1k"),
    "se_bn_inception": Checkpoint(tag="SE-BN-Inception.caffemodel"),
}
