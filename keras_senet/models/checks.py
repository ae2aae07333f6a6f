"""Whether the arguments of a network make sense, said in Keras' style."""

import os
from collections.abc import Collection
from typing import Any

from keras_senet.models.spec import PLACEMENTS, VARIANTS, ResidualSpec
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


def dialect_of(spec: ResidualSpec, variant: str | None, weights: Weights) -> Any:
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


def stages_of(spec: ResidualSpec, stages: Any) -> tuple[int, ...] | None:
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


def placements_of(spec: ResidualSpec) -> tuple[str, ...]:
    """Which placements a network has: `"3x3"` is inside a bottleneck only."""
    return PLACEMENTS if spec.block == "bottleneck" else PLACEMENTS[:-1]


def check_spec(spec: ResidualSpec) -> None:
    """Refuses placements that the blocks have not, and rates out of range."""
    se = spec.se
    placements = placements_of(spec)
    if se.placement not in placements:
        raise ValueError(
            f"`se_placement` should be one of {placements} for networks of "
            f"{spec.block} blocks. Received: se_placement={se.placement!r}"
        )
    for argument, rate in (("dropout", spec.dropout), ("drop_path", spec.drop_path)):
        if not 0 <= rate < 1:
            raise ValueError(
                f"`{argument}` should be in [0, 1). Received: {argument}={rate}"
            )


def check_image_shape(
    shape: tuple[int | None, ...], channels_first: bool, spec: ResidualSpec
) -> None:
    """Refuses images of unknown channels, or smaller than the output stride."""
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
    if any(side is not None and side < spec.output_stride for side in sides):
        raise ValueError(
            f"`input_shape` should be at least {spec.output_stride} pixels high "
            f"and wide. Received: input_shape={shape}"
        )
