"""From a spec to a public function with the keywords of `keras.applications`."""

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import layers

from keras_senet.layers import Classifier, Provenance
from keras_senet.models.residual import residual_network
from keras_senet.models.spec import PLACEMENTS, VARIANTS, ResidualSpec
from keras_senet.weights.catalog import IMAGENET
from keras_senet.weights.stored import load_weights, stored_facts

Weights = str | os.PathLike | None
Shape = Sequence[int | None] | None

ARGUMENTS = """

    Args:
        include_top: Whether to end in the classifier: global average pool{dropout},
            dense layer. It takes images of any size.
        weights: `None` (random){weights},
            or the path of a `.weights.h5` file saved from this network.
        input_tensor: A Keras tensor to build on, instead of a new input. The
            network wants preprocessed images.
        input_shape: Without the batch; default `{shape}` (channels last).
            Height and width may be `None`, otherwise at least {least}.
        pooling: Without the top: `None` for the feature map, `"avg"` or
            `"max"` for its global pool.
        classes: Number of classes.
        classifier_activation: `"softmax"`, or `None` for logits.
        name: The model's name; default `"{snake}"`.
        reduction: The reduction ratio r; `None` builds the network without SE.
        use_bias: Whether the two matrices of SE have biases.
        squeeze: `"avg"`, `"max"`, or `None` to gate every position.
        gate_activation: The activation that makes the gates.
        se_stages: The stages that have SE, out of {stages}; `None` is all.
        se_placement: Where SE stands in a residual unit (journal, figure 5):
            {placements}.
{variant}        dropout: Rate of the dropout before the classifier; `None` is the
            network's own, {rate}.
        drop_path: Rate at which the last block's branch is dropped in training,
            growing linearly from zero at the first block.
        skip_mismatch: Whether layers that do not fit the weights' shapes keep
            their random values, such as the head with other `classes`.

    Returns:
        A functional `keras.Model`, in the global dtype policy. With a mixed
        policy the classifier computes in float32.

    Raises:
        ValueError: If an argument is out of its range or contradicts the
            weights.
        FileNotFoundError: If `weights` is a path without a file.

    Example:

    ```python
    import keras_senet

    model = keras_senet.{function}(weights=None, classes=10)
    ```
"""

VARIANT = """        variant: The dialect.
            `"pytorch"`: stem pool padded by one{strides};
            `"caffe"`, the authors' own: stem pool rounded up{caffe_strides}.
            Weights of the one are wrong in the other. `None` takes the dialect
            of the weights, and `"pytorch"` with `weights=None`.
"""


def application(
    name: str, snake: str, spec: ResidualSpec
) -> Callable[..., keras.Model]:
    """Makes the public function of a network.

    Args:
        name: The function's name, such as `"SEResNet50"`.
        snake: The network's name on the command line and in files.
        spec: What the network looks like.

    Returns:
        A function with the keywords of `keras.applications`, and those of SE.
        A network without dialects has no `variant`.
    """
    default: Weights = "imagenet" if snake in IMAGENET else None

    def build(
        include_top: bool = True,
        weights: Weights = default,
        input_tensor: Any = None,
        input_shape: Shape = None,
        pooling: str | None = None,
        classes: int = spec.classes,
        classifier_activation: Any = "softmax",
        name: str | None = None,
        *,
        reduction: int | None = 16,
        use_bias: bool = True,
        squeeze: str | None = "avg",
        gate_activation: str = "sigmoid",
        se_stages: Sequence[int] | None = None,
        se_placement: str = "standard",
        variant: str | None = None,
        dropout: float | None = None,
        drop_path: float = 0.0,
        skip_mismatch: bool = False,
    ) -> keras.Model:
        weights = _checked_weights(weights, snake)
        se = replace(
            spec.se,
            reduction=reduction,
            use_bias=use_bias,
            squeeze=squeeze,
            gate_activation=gate_activation,
            stages=None if se_stages is None else tuple(sorted(set(se_stages))),
            placement=se_placement,
        )
        wanted = replace(
            spec,
            se=se,
            variant=_dialect(spec, variant, weights),
            dropout=spec.dropout if dropout is None else dropout,
            drop_path=drop_path,
        )
        _check(wanted)
        images, inputs = _inputs(input_tensor, input_shape, wanted)
        x = Provenance({"network": snake, **wanted.facts()}, name="provenance")(images)
        x = residual_network(x, wanted)
        if include_top:
            x = _classifier(x, wanted, classes, classifier_activation)
        elif pooling is not None:
            x = _pool(x, pooling)
        model = keras.Model(inputs, x, name=name or snake)
        if weights is not None:
            load_weights(model, weights, skip_mismatch)
        return model

    public = build if spec.variant else without(build, "variant")
    public.__name__ = public.__qualname__ = name
    public.__doc__ = _docstring(name, snake, spec)
    return public


def without(function: Callable[..., Any], *absent: str) -> Callable[..., Any]:
    """Takes arguments away from a function, in its signature and for real.

    Args:
        function: Any function.
        *absent: Names of arguments with defaults.

    Returns:
        A function that raises `TypeError` when it is given one of them.
    """
    signature = inspect.signature(function)
    kept = [p for name, p in signature.parameters.items() if name not in absent]
    signature = signature.replace(parameters=kept)

    @functools.wraps(function)
    def narrowed(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        return function(*bound.args, **bound.kwargs)

    narrowed.__signature__ = signature  # type: ignore[attr-defined]
    return narrowed


def _checked_weights(weights: Weights, snake: str) -> Weights:
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


def _dialect(spec: ResidualSpec, variant: str | None, weights: Weights) -> Any:
    if variant not in (None, *VARIANTS):
        raise ValueError(
            f"`variant` should be one of {VARIANTS} or None. "
            f"Received: variant={variant!r}"
        )
    if variant is not None or spec.variant is None or weights is None:
        return variant or spec.variant
    facts = stored_facts(weights) or {}
    return facts.get("variant") or spec.variant


def _check(spec: ResidualSpec) -> None:
    se = spec.se
    placements = placements_of(spec)
    if se.placement not in placements:
        raise ValueError(
            f"`se_placement` should be one of {placements} for networks of "
            f"{spec.block} blocks. Received: se_placement={se.placement!r}"
        )
    if se.stages is not None and not set(se.stages) <= set(spec.stages):
        raise ValueError(
            f"`se_stages` should be None or stages out of {spec.stages}. "
            f"Received: se_stages={se.stages}"
        )
    if se.stages == ():
        raise ValueError(
            "`se_stages` should name at least one stage; `reduction=None` builds "
            "the network without SE. Received: se_stages=()"
        )
    for argument, rate in (("dropout", spec.dropout), ("drop_path", spec.drop_path)):
        if not 0 <= rate < 1:
            raise ValueError(
                f"`{argument}` should be in [0, 1). Received: {argument}={rate}"
            )


def placements_of(spec: ResidualSpec) -> tuple[str, ...]:
    """Which placements a network has: `"3x3"` is inside a bottleneck only."""
    return PLACEMENTS if spec.block == "bottleneck" else PLACEMENTS[:-1]


def _inputs(input_tensor: Any, shape: Shape, spec: ResidualSpec) -> tuple[Any, Any]:
    """The images to build on, and the model's inputs behind them."""
    channels_first = keras.config.image_data_format() == "channels_first"
    if input_tensor is not None:
        if not keras.utils.is_keras_tensor(input_tensor):
            input_tensor = layers.Input(tensor=input_tensor)
        if shape is not None and tuple(shape) != tuple(input_tensor.shape[1:]):
            raise ValueError(
                "`input_shape` should be the shape of `input_tensor`. Received: "
                f"input_shape={tuple(shape)}, input_tensor.shape="
                f"{tuple(input_tensor.shape)}"
            )
        sources = keras.utils.get_source_inputs(input_tensor)
        images, inputs = input_tensor, sources[0] if len(sources) == 1 else sources
    else:
        if shape is None:
            side = spec.size
            shape = (3, side, side) if channels_first else (side, side, 3)
        images = inputs = layers.Input(tuple(shape))
    _check_image_shape(tuple(images.shape[1:]), channels_first, spec)
    return images, inputs


def _check_image_shape(
    shape: tuple[int | None, ...], channels_first: bool, spec: ResidualSpec
) -> None:
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


def _classifier(x: Any, spec: ResidualSpec, classes: int, activation: Any) -> Any:
    if activation not in (None, "softmax"):
        raise ValueError(
            "`classifier_activation` should be 'softmax' or None. "
            f"Received: classifier_activation={activation!r}"
        )
    if not isinstance(classes, int) or classes < 1:
        raise ValueError(
            f"`classes` should be an integer of at least 1. Received: classes={classes}"
        )
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if spec.dropout:
        x = layers.Dropout(spec.dropout, name="dropout")(x)
    policy = keras.config.dtype_policy()
    mixed = policy.compute_dtype != policy.variable_dtype
    return Classifier(
        classes,
        activation=activation,
        dtype=policy.variable_dtype if mixed else None,
        name="predictions",
    )(x)


def _pool(x: Any, pooling: str) -> Any:
    pools = {
        "avg": layers.GlobalAveragePooling2D,
        "max": layers.GlobalMaxPooling2D,
    }
    if pooling not in pools:
        raise ValueError(
            f"`pooling` should be None, 'avg' or 'max'. Received: pooling={pooling!r}"
        )
    return pools[pooling](name=f"{pooling}_pool")(x)


def _docstring(name: str, snake: str, spec: ResidualSpec) -> str:
    checkpoint = IMAGENET.get(snake)
    strides = caffe_strides = ""
    if spec.strides_by_dialect and spec.block == "bottleneck":
        strides, caffe_strides = ", stride on the 3x3", ", stride on the first 1x1"
    return spec.about + ARGUMENTS.format(
        function=name,
        snake=snake,
        weights=f', `"imagenet"` (the checkpoint {checkpoint.tag})'
        if checkpoint
        else "",
        dropout=", dropout" if spec.dropout else "",
        shape=(spec.size, spec.size, 3),
        least=spec.output_stride,
        stages=spec.stages,
        placements=" or ".join(f'`"{x}"`' for x in placements_of(spec)),
        rate=spec.dropout,
        variant=VARIANT.format(strides=strides, caffe_strides=caffe_strides)
        if spec.variant
        else "",
    )
