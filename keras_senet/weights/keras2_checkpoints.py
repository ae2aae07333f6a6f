"""The checkpoints that `classification_models` publishes: the authors' weights.

They came to Keras 2 by way of Cadene's port, so images and classes are as there. The
package's own network pads the stem's pool where the authors' does not; ours, in the
dialect `"caffe"`, does as the authors did. Files, hashes and accuracies are those
that the package `image-classifiers` 1.0.0 states.
"""

from keras_senet.weights.checkpoint import Checkpoint

RELEASE = "https://github.com/qubvel/classification_models/releases/download/0.0.1"


def _qubvel(
    name: str, network: str, digits: str, top1: float, top5: float
) -> Checkpoint:
    file = f"{name}_imagenet_1000.h5"
    return Checkpoint(
        tag=f"qubvel_{name}",
        network=network,
        dialect="qubvel",
        file=file,
        url=f"{RELEASE}/{file}",
        hashes=("md5", digits),
        variant="caffe",
        top1=top1,
        top5=top5,
        license="MIT",
        origin="the authors, ported by Cadene and qubvel/classification_models",
    )


CHECKPOINTS: tuple[Checkpoint, ...] = (
    _qubvel(
        "seresnet50", "se_resnet50", "ff0ce1ed5accaad05d113ecef2d29149", 76.44, 93.02
    ),
    _qubvel(
        "seresnet101", "se_resnet101", "5c31adee48c82a66a32dee3d442f5be8", 77.92, 94.00
    ),
    _qubvel(
        "seresnet152", "se_resnet152", "96fc14e3a939d4627b0174a0e80c7371", 78.34, 94.08
    ),
    _qubvel(
        "seresnext50", "se_resnext50", "5310dcd58ed573aecdab99f8df1121d5", 78.74, 94.30
    ),
    _qubvel(
        "seresnext101",
        "se_resnext101",
        "be5b26b697a0f7f11efaa1bb6272fc84",
        79.88,
        94.87,
    ),
    _qubvel("senet154", "senet154", "c8eac0e1940ea4d8a2e0b2eb0cdf4e75", 81.06, 95.24),
)
