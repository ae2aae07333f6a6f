"""The published checkpoints: what there is, and what `weights="imagenet"` stands for.

Files, sizes and hashes are those of the publishers, accuracies those that they state
(ImageNet's validation set, in %): nothing here was measured by us.
"""

from keras_senet.errors import InputError, near_matches
from keras_senet.weights import (
    caffe_checkpoints,
    keras2_checkpoints,
    torch_checkpoints,
)
from keras_senet.weights.checkpoint import Checkpoint

CHECKPOINTS: tuple[Checkpoint, ...] = (
    *torch_checkpoints.CHECKPOINTS,
    *caffe_checkpoints.CHECKPOINTS,
    *keras2_checkpoints.CHECKPOINTS,
)

# What `weights="imagenet"` stands for.
IMAGENET: dict[str, str] = {
    "se_resnet18": "legacy_seresnet18",
    "se_resnet34": "legacy_seresnet34",
    "se_resnet50": "seresnet50.ra2_in1k",
    "se_resnet101": "legacy_seresnet101",
    "se_resnet152": "legacy_seresnet152",
    "se_resnext26": "legacy_seresnext26_32x4d",
    "se_resnext50": "seresnext50_32x4d.racm_in1k",
    "se_resnext101": "seresnext101_32x4d.gluon_in1k",
    "se_resnext101_64x4d": "seresnext101_64x4d.gluon_in1k",
    "se_resnext101_32x8d": "seresnext101_32x8d.ah_in1k",
    "se_resnet152d": "seresnet152d.ra2_in1k",
    "senet154": "senet154.gluon_in1k",
    "se_bn_inception": "SE-BN-Inception",
}


def list_weights(network: str | None = None) -> tuple[Checkpoint, ...]:
    """Lists the published checkpoints.

    Args:
        network: Only those of this network, such as `"se_resnet50"`.

    Returns:
        A row for each. `weights=row.tag` loads it.

    Raises:
        InputError: If no network of this name has any.

    Example:

    ```python
    import keras_senet

    for row in keras_senet.list_weights("se_resnet50"):
        print(row.tag, row.top1)
    ```
    """
    if network is None:
        return CHECKPOINTS
    if network not in IMAGENET:
        raise InputError(
            f"There are no published weights of {network!r}; there are of "
            f"{', '.join(IMAGENET)}."
        )
    return tuple(row for row in CHECKPOINTS if row.network == network)


def checkpoint(tag: str) -> Checkpoint:
    """The row of a published checkpoint.

    Args:
        tag: Its name.

    Raises:
        InputError: If there is none of this name.
    """
    for row in CHECKPOINTS:
        if row.tag == tag:
            return row
    if tag in IMAGENET:
        raise InputError(
            f"{tag!r} is a network, of which {IMAGENET[tag]!r} is the checkpoint that "
            "'imagenet' stands for."
        )
    tags = (row.tag for row in CHECKPOINTS)
    raise InputError(
        f"There is no published checkpoint {tag!r}. {near_matches(tag, tags, 5)} "
        "`keras-senet weights list` names all."
    )
