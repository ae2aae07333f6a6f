"""Published checkpoints that were trained or kept in torch, one row each."""

from dataclasses import replace

from keras_senet.weights.checkpoint import Checkpoint, InputConvention, LargerTest

RELEASES = "https://github.com/rwightman/pytorch-image-models/releases/download"
OPENMMLAB = "https://download.openmmlab.com/mmclassification/v0/se-resnet"
MOSKOMULE = "https://github.com/moskomule/senet.pytorch/releases/download/archive"

BILINEAR = InputConvention()
BICUBIC = replace(BILINEAR, interpolation="bicubic")
BICUBIC_95 = replace(BICUBIC, crop=0.95)


def _timm(
    tag: str,
    network: str,
    top1: float | None = None,
    top5: float | None = None,
    images: InputConvention = BICUBIC,
    larger: LargerTest | None = None,
) -> Checkpoint:
    return Checkpoint(
        tag=tag,
        network=network,
        dialect="timm",
        file="model.safetensors",
        hub=f"timm/{tag}",
        variant="pytorch",
        input=images,
        top1=top1,
        top5=top5,
        larger=larger,
        license="Apache-2.0",
        origin="GluonCV, ported by timm" if "gluon" in tag else "timm",
    )


def _larger(crop: float, top1: float, top5: float) -> LargerTest:
    return LargerTest(size=288, crop=crop, top1=top1, top5=top5)


def _legacy(
    tag: str,
    network: str,
    release: str,
    file: str,
    top1: float,
    top5: float | None = None,
    images: InputConvention = BILINEAR,
    origin: str = "the authors, ported by Cadene",
) -> Checkpoint:
    digits = file.removesuffix(".pth").rpartition("-")[2]
    return Checkpoint(
        tag=f"legacy_{tag}",
        network=network,
        dialect="cadene",
        file=file,
        url=f"{RELEASES}/{release}/{file}",
        hashes=("sha256", digits),
        variant="caffe",
        input=images,
        top1=top1,
        top5=top5,
        license="Apache-2.0" if origin == "timm" else "BSD-3-Clause",
        origin=origin,
    )


def _mmpretrain(depth: int, digits: str, top1: float, top5: float) -> Checkpoint:
    file = f"se-resnet{depth}_batch256_imagenet_20200804-{digits}.pth"
    return Checkpoint(
        tag=f"seresnet{depth}_8xb32_in1k",
        network=f"se_resnet{depth}",
        dialect="mmpretrain",
        file=file,
        url=f"{OPENMMLAB}/{file}",
        hashes=("sha256", digits),
        variant="pytorch",
        top1=top1,
        top5=top5,
        license="Apache-2.0",
        origin="mmpretrain",
    )


CHECKPOINTS: tuple[Checkpoint, ...] = (
    _timm(
        "seresnet50.ra2_in1k",
        "se_resnet50",
        80.260,
        95.068,
        larger=_larger(0.95, 81.288, 95.652),
    ),
    _timm(
        "seresnet50.a1_in1k",
        "se_resnet50",
        80.012,
        94.704,
        BICUBIC_95,
        _larger(1.0, 81.114, 95.122),
    ),
    _timm(
        "seresnet50.a2_in1k",
        "se_resnet50",
        80.102,
        94.720,
        BICUBIC_95,
        _larger(1.0, 81.094, 95.230),
    ),
    _timm("seresnet50.a3_in1k", "se_resnet50", 77.036, 93.072, BICUBIC_95),
    _timm(
        "seresnext50_32x4d.racm_in1k",
        "se_resnext50",
        81.268,
        95.624,
        larger=_larger(0.95, 82.186, 96.146),
    ),
    _timm("seresnext50_32x4d.gluon_in1k", "se_resnext50", 79.916, 94.816),
    _timm("seresnext101_32x4d.gluon_in1k", "se_resnext101", 80.886, 95.268),
    _timm("seresnext101_64x4d.gluon_in1k", "se_resnext101_64x4d"),
    _timm("seresnext101_32x8d.ah_in1k", "se_resnext101_32x8d", images=BICUBIC_95),
    _timm(
        "seresnet152d.ra2_in1k",
        "se_resnet152d",
        images=replace(BICUBIC_95, size=256),
    ),
    _timm("senet154.gluon_in1k", "senet154", 81.258, 95.358),
    _legacy(
        "senet154",
        "senet154",
        "v0.1-weights",
        "legacy_senet154-e9eb9fe6.pth",
        81.320,
        95.502,
    ),
    _legacy(
        "seresnet50",
        "se_resnet50",
        "v0.1-cadene",
        "se_resnet50-ce0d4300.pth",
        77.650,
        93.732,
    ),
    _legacy(
        "seresnet101",
        "se_resnet101",
        "v0.1-cadene",
        "se_resnet101-7e38fcc6.pth",
        78.370,
        94.264,
    ),
    _legacy(
        "seresnet152",
        "se_resnet152",
        "v0.1-cadene",
        "se_resnet152-d17c99b7.pth",
        78.662,
        94.370,
    ),
    _legacy(
        "seresnext50_32x4d",
        "se_resnext50",
        "v0.1-weights",
        "legacy_se_resnext50_32x4d-f3651bad.pth",
        79.080,
        94.428,
    ),
    _legacy(
        "seresnext101_32x4d",
        "se_resnext101",
        "v0.1-weights",
        "legacy_se_resnext101_32x4d-37725eac.pth",
        80.274,
        95.032,
    ),
    _legacy(
        "seresnet18",
        "se_resnet18",
        "v0.1-weights",
        "seresnet18-4bb0ce65.pth",
        71.742,
        images=BICUBIC,
        origin="timm",
    ),
    _legacy(
        "seresnet34",
        "se_resnet34",
        "v0.1-weights",
        "seresnet34-a4004e63.pth",
        74.788,
        origin="timm",
    ),
    _legacy(
        "seresnext26_32x4d",
        "se_resnext26",
        "v0.1-weights",
        "seresnext26_32x4d-65ebdb501.pth",
        77.100,
        images=BICUBIC,
        origin="timm",
    ),
    _mmpretrain(50, "ae206104", 77.74, 93.84),
    _mmpretrain(101, "ba5b51d4", 78.26, 94.07),
    Checkpoint(
        tag="moskomule_seresnet50",
        network="se_resnet50",
        dialect="moskomule",
        file="seresnet50-60a8950a85b2b.pkl",
        url=f"{MOSKOMULE}/seresnet50-60a8950a85b2b.pkl",
        variant="pytorch",
        use_bias=False,
        top1=77.06,
        license="MIT",
        origin="moskomule/senet.pytorch",
    ),
)
