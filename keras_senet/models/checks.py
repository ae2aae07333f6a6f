"""Whether the arguments of a network make sense, said in Keras' style."""

import os
from collections.abc import Collection
from typing import Any

from keras_senet.layers.image_size import check_side
from keras_senet.models.spec import VARIANTS, NetworkSpec
from keras_senet.weights.catalog import IMAGENET
from keras_senet.weights.stored import stored_facts

Weights = str | os.PathLike | None


def checked_weights(weights: Weights, snake: str) -> Weights:
    """Weights that can be loaded: `None`, or the path of a file."""
    if weights is None:
        return None
    if weights == "imagenet":
        if snake not in IMAGENET:
            raise ValueError(
                f"There are no published weights of {snake}; there are for "
                f"{', '.join(IMAGENET)}. Received: weights='imagenet'"
            )
        raise ValueError(
            f"The published weights of {snake} ({IMAGENET[snake].tag}) cannot be "
            "loaded by this version yet; pass `weights=None`, or the path of a "
            "`.weights.h5` file of your own. Received: weights='imagenet'"
        )
    if not str(weights).endswith(".weights.h5"):
        raise ValueError(
            "`weights` should be None, 'imagenet' or the path of a `.weights.h5` "
            f"file. Received: weights={weights!r}"
        )
    return weights


def dialect_of(spec: NetworkSpec, variant: str | None, weights: Weights) -> Any:
    """The dialect asked for, or that of the weights, or the spec's."""
    if variant not in (None, *VARIANTS):
        raise ValueError(
            f"`variant` should be one of {VARIANTS} or None. "
            f"Received: variant={variant!r}"
        )
    if variant is not None or spec.variant is None or weights is None:
        return variant or spec.variant
    facts = stored_facts(weights) or {}
    return facts.get("variant") or spec.variant


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
    """Refuses placements that the blocks have not, and rates out of range."""
    se = spec.se
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
