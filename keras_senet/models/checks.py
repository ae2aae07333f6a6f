"""Whether the arguments of a network make sense, said in Keras' style."""

from collections.abc import Collection
from typing import Any

import keras

from keras_senet.layers.image_size import check_side
from keras_senet.models.spec import VARIANTS, NetworkSpec
from keras_senet.weights.checkpoint import Checkpoint


def stages_of(spec: NetworkSpec, stages: Any) -> tuple[int, ...] | None:
    """The stages with SE, in order; all of them are `None`."""
    if stages is None:
        return None
    if not isinstance(stages, Collection) or not set(stages) <= set(spec.stages):
        raise ValueError(
            f"`se_stages` should be None or a sequence of stages out of {spec.stages}. "
            f"Received: se_stages={stages!r}"
        )
    if not stages:
        raise ValueError(
            "`se_stages` should name at least one stage; `reduction=None` builds "
            f"the network without SE. Received: se_stages={stages!r}"
        )
    chosen = tuple(sorted(set(stages)))
    return None if chosen == spec.stages else chosen


def check_spec(spec: NetworkSpec) -> None:
    """Refuses dialects and placements that do not exist, and rates out of range."""
    se = spec.se
    if spec.variant not in (None, *VARIANTS):
        raise ValueError(
            f"`variant` should be one of {VARIANTS} or None. "
            f"Received: variant={spec.variant!r}"
        )
    if se.placement not in spec.placements:
        raise ValueError(
            f"`se_placement` should be one of {spec.placements} for this network "
            "('3x3' is inside a bottleneck). Received: "
            f"se_placement={se.placement!r}"
        )
    for argument, rate in (("dropout", spec.dropout), ("drop_path", spec.drop_path)):
        if not 0 <= rate < 1:
            raise ValueError(
                f"`{argument}` should be in [0, 1). Received: {argument}={rate}"
            )


def check_published(
    row: Checkpoint, shape: tuple[int | None, ...], classes: int | None
) -> None:
    """Refuses, before anything is fetched, what published weights do not fit.

    Args:
        row: The checkpoint.
        shape: The shape of the images, with the batch.
        classes: The classes of the network, if it has a classifier.
    """
    channels_first = keras.config.image_data_format() == "channels_first"
    channels = shape[1 if channels_first else -1]
    if channels != 3:
        raise ValueError(
            f"`input_shape` should have 3 channels for the weights {row.tag}; "
            "`keras_senet.adapt_input_channels(model, n)` folds those of the finished "
            f"network to others. Received: {channels} channels"
        )
    if classes not in (None, row.classes):
        raise ValueError(
            f"`classes` should be {row.classes} for the weights {row.tag}; "
            "`skip_mismatch=True` loads all but the classifier, and "
            f"`include_top=False` builds none. Received: classes={classes}"
        )


def check_image_shape(
    shape: tuple[int | None, ...], channels_first: bool, spec: NetworkSpec
) -> None:
    """Refuses images of unknown channels, or of sizes that the network has not."""
    order = (
        "(channels, height, width)" if channels_first else ("(height, width, channels)")
    )
    channels = shape[0 if channels_first else -1] if shape else None
    if len(shape) != 3 or channels is None:
        raise ValueError(
            f"`input_shape` should be {order} with a defined number of channels. "
            f"Received: input_shape={shape}"
        )
    sides = shape[1:] if channels_first else shape[:2]
    if any(side is not None and side < spec.least for side in sides):
        raise ValueError(
            f"`input_shape` should be at least {spec.least} pixels high "
            f"and wide. Received: input_shape={shape}"
        )
    rule = spec.size_rule
    for side in sides:
        if rule is not None and side is not None:
            check_side(side, rule.period, rule.first, rule.last)
