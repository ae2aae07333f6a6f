"""Conventions and checkpoints for tests, with the published numbers."""

import dataclasses

from keras_senet.weights.checkpoint import Checkpoint, InputConvention

CAFFE = InputConvention(mean=(123.0, 117.0, 104.0), std=(1.0, 1.0, 1.0))
BICUBIC = InputConvention(interpolation="bicubic")
RACM = Checkpoint(
    tag="a.tag",
    network="se_resnet18",
    dialect="timm",
    file="model.safetensors",
    input=BICUBIC,
    license="apache-2.0",
    origin="https://example.org",
)


def claim(convention, tag="a.tag"):
    """What a `Provenance` layer says of weights that want such images."""
    return {"tag": tag, "input": dataclasses.asdict(convention)}
