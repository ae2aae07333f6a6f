"""The authors' own checkpoints, one row each."""

from keras_senet.weights.checkpoint import Checkpoint, InputConvention

OPENVINO = (
    "https://storage.openvinotoolkit.org/repositories/open_model_zoo/public/2021.4"
)
# The means that the authors subtracted, in RGB: their weights for BGR are turned.
CAFFE_INPUT = InputConvention(mean=(123.0, 117.0, 104.0), std=(1.0, 1.0, 1.0))


def _caffe(
    name: str,
    network: str,
    size: int,
    hashes: tuple[str, str],
    errors: tuple[float, float],
    folder: str | None = None,
) -> Checkpoint:
    file = f"{name}.caffemodel"
    return Checkpoint(
        tag=name,
        network=network,
        dialect="caffe",
        file=file,
        url=f"{OPENVINO}/{folder}/{file}" if folder else None,
        size=size,
        hashes=hashes,
        variant=None if network == "se_bn_inception" else "caffe",
        input=CAFFE_INPUT,
        # The release states errors.
        top1=round(100 - errors[0], 2),
        top5=round(100 - errors[1], 2),
        license="Apache-2.0",
        origin="the authors",
    )


CHECKPOINTS: tuple[Checkpoint, ...] = (
    _caffe(
        "SE-BN-Inception",
        "se_bn_inception",
        47_855_246,
        (
            "sha384",
            "b5d3a92296b83cb5c706140a1d2855903906c6c2176766bdd58303643c28a6aa"
            "9950cec2f318cb4f97778705c394d5d1",
        ),
        (23.62, 7.04),
        "se-inception",
    ),
    _caffe(
        "SE-ResNet-50",
        "se_resnet50",
        112_602_669,
        (
            "sha384",
            "3f093acba237185b50fb354e3841b4d01f50328d9f381937af5e836e808b4ce2"
            "671b0b44ca808df8911dba81a3e9d97c",
        ),
        (22.37, 6.36),
        "se-resnet-50",
    ),
    _caffe(
        "SE-ResNet-101",
        "se_resnet101",
        197_806_200,
        ("sha256", "09777ce1202087954ee34ae2566cf611d03d2d8195ced0fe51b612ebf951d729"),
        (21.75, 5.72),
        "se-resnet-101",
    ),
    _caffe(
        "SE-ResNet-152",
        "se_resnet152",
        268_009_578,
        ("sha256", "bbe7fc5b5068b7cd4b12ce1bb78f61bd3f48238a372e70ab9c0724afa778e5d1"),
        (21.34, 5.54),
    ),
    _caffe(
        "SE-ResNeXt-50",
        "se_resnext50",
        110_550_637,
        ("sha256", "f12c6b53c2dcd0f38f388d3d5f98cbfc039357e84842e661f28a49719dd52219"),
        (20.97, 5.54),
    ),
    _caffe(
        "SE-ResNeXt-101",
        "se_resnext101",
        196_447_403,
        ("sha256", "78dc95c9b768fdb32a0a3981a686edaf655df82973b051d818bae523c9a93c90"),
        (19.81, 4.96),
        "se-resnext-101",
    ),
)
