"""From a spec to a public function with the keywords of `keras.applications`."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import layers

from keras_senet.layers import Classifier, Provenance
from keras_senet.models.checks import (
    check_image_shape,
    check_published,
    check_spec,
    stages_of,
)
from keras_senet.models.documentation import docstring
from keras_senet.models.residual import residual_network
from keras_senet.models.spec import NetworkSpec, ResidualSpec
from keras_senet.models.table import TableSpec
from keras_senet.models.tabular import tabular_network
from keras_senet.weights.catalog import IMAGENET
from keras_senet.weights.names import dialect
from keras_senet.weights.pretrained import adopted
from keras_senet.weights.sources import Weights, pretrained, published

Shape = Sequence[int | None] | None


def application(name: str, snake: str, spec: NetworkSpec) -> Callable[..., keras.Model]:
    """Makes the public function of a network.

    Args:
        name: The function's name, such as `"SEResNet50"`.
        snake: The network's name on the command line and in files.
        spec: What the network looks like.

    Returns:
        A function with the keywords of `keras.applications`, and those of SE.
        Arguments that the network does not have are absent.
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
        row = published(weights, snake)
        se = replace(
            spec.se,
            reduction=reduction,
            use_bias=use_bias,
            squeeze=squeeze,
            gate_activation=keras.activations.serialize(
                keras.activations.get(gate_activation)
            ),
            stages=stages_of(spec, se_stages),
            placement=se_placement,
        )
        wanted = replace(
            spec,
            se=se,
            variant=variant or spec.variant,
            dropout=spec.dropout if dropout is None else dropout,
            drop_path=drop_path,
        )
        check_spec(wanted)
        images, inputs = _inputs(input_tensor, input_shape, wanted)
        if row is not None:
            # What contradicts the weights is said before they are fetched.
            wanted = adopted(dialect(row.dialect), wanted, variant, row.tag)
            if not skip_mismatch:
                check_published(row, images.shape, classes if include_top else None)
        source = None if weights is None else pretrained(weights, snake)
        if source is not None:
            wanted = source.adopted(wanted, variant)
        x = Provenance({"network": snake, **wanted.facts()}, name="provenance")(images)
        x = feature_map(x, wanted)
        if include_top:
            x = _classifier(x, wanted, classes, classifier_activation)
        elif pooling is not None:
            x = _pool(x, pooling)
        model = keras.Model(inputs, x, name=name or snake)
        if source is not None:
            source.load(model, wanted, skip_mismatch)
        return model

    public = without(build, *spec.absent) if spec.absent else build
    public.__name__ = public.__qualname__ = name
    public.__doc__ = docstring(name, snake, spec)
    return public


def feature_map(x: Any, spec: NetworkSpec) -> Any:
    """From images to the last feature map, by the kind of the spec."""
    if isinstance(spec, ResidualSpec):
        return residual_network(x, spec)
    if isinstance(spec, TableSpec):
        return tabular_network(x, spec)
    raise TypeError(f"No builder for {type(spec).__name__}")


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


def _inputs(input_tensor: Any, shape: Shape, spec: NetworkSpec) -> tuple[Any, Any]:
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
        if not isinstance(shape, Sequence):
            raise ValueError(
                "`input_shape` should be a tuple of three sizes. "
                f"Received: input_shape={shape!r}"
            )
        images = inputs = layers.Input(tuple(shape))
    check_image_shape(tuple(images.shape[1:]), channels_first, spec)
    return images, inputs


def _classifier(x: Any, spec: NetworkSpec, classes: int, activation: Any) -> Any:
    if activation not in (None, "softmax"):
        raise ValueError(
            "`classifier_activation` should be 'softmax' or None. "
            f"Received: classifier_activation={activation!r}"
        )
    if not isinstance(classes, int) or classes < 1:
        raise ValueError(
            f"`classes` should be an integer of at least 1. Received: classes={classes}"
        )
    x = _hidden(x, spec) if spec.hidden else _averaged(x, spec)
    policy = keras.config.dtype_policy()
    mixed = policy.compute_dtype != policy.variable_dtype
    return Classifier(
        classes,
        activation=activation,
        dtype=policy.variable_dtype if mixed else None,
        name="predictions",
    )(x)


def _averaged(x: Any, spec: NetworkSpec) -> Any:
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.Dropout(spec.dropout, name="dropout")(x) if spec.dropout else x


def _hidden(x: Any, spec: NetworkSpec) -> Any:
    if None in x.shape[1:]:
        raise ValueError(
            "`input_shape` should be defined, since the classifier of this network "
            "starts from a feature map of a fixed size; `include_top=False` takes "
            f"any. Received: a feature map of shape {tuple(x.shape)}"
        )
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(spec.hidden, start=1):
        x = layers.Dense(units, activation="relu", name=f"fc{number}")(x)
        if spec.dropout:
            x = layers.Dropout(spec.dropout, name=f"dropout{number}")(x)
    return x


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
