"""Rows of a catalog for files that the tests make up."""

import hashlib

from keras_senet.weights.checkpoint import Checkpoint


def row(content, **fields):
    """The row of a file with this content."""
    known = {
        "tag": "a_tag",
        "network": "se_resnet50",
        "dialect": "timm",
        "file": "a.pth",
        "license": "MIT",
        "origin": "a lab",
        "size": len(content),
        "hashes": ("sha256", hashlib.sha256(content).hexdigest()),
    }
    return Checkpoint(**known | fields)
