"""From RGB pixels to what a network was trained on, as its checkpoint says."""

import math
import warnings
from collections.abc import Iterator
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from keras_senet.layers import Provenance, ResizeAndCrop
from keras_senet.weights import catalog
from keras_senet.weights.checkpoint import Checkpoint, InputConvention

Source: TypeAlias = keras.Model | Checkpoint | InputConvention | str


def preprocess_input(
    x: Any, model_or_tag: Source, data_format: str | None = None
) -> Any:
    """Normalizes images as a network wants them.

    Args:
        x: RGB images in 0..255 of rank 3 or 4: a NumPy array or a tensor, which
            stays as it is. After `adapt_input_channels`, of that many channels.
        model_or_tag: A model with published weights, or a checkpoint's tag.
        data_format: `"channels_last"` or `"channels_first"`. `None` takes
            `keras.config.image_data_format()`.

    Returns:
        An array or a tensor, like `x`, in `keras.config.floatx()`: float32.

    Raises:
        ValueError: If `x` has another rank or number of channels, or the model does
            not say what it wants, or it has layers before its network. A warning
            says so if `x` is in the range of images that are scaled already.

    Example:

    ```python
    import numpy as np

    images = np.zeros((2, 224, 224, 3), "uint8")
    x = keras_senet.preprocess_input(images, "seresnet50.ra2_in1k")
    ```
    """
    convention = input_convention(model_or_tag)
    data_format = _checked(data_format)
    _check_images(x, len(convention.mean), data_format)
    _warn_if_scaled(x)
    shape = (-1, 1, 1) if data_format == "channels_first" else (-1,)
    mean = np.reshape(np.array(convention.mean, "float32"), shape)
    std = np.reshape(np.array(convention.std, "float32"), shape)
    if isinstance(x, np.ndarray):
        return ((x.astype("float32") - mean) / std).astype(keras.config.floatx())
    x = ops.divide(ops.subtract(ops.cast(x, "float32"), mean), std)
    return ops.cast(x, keras.config.floatx())


def preprocessing_layers(
    model_or_tag: Source, *, resize: bool = False, data_format: str | None = None
) -> list[keras.layers.Layer]:
    """Makes the layers that do what `preprocess_input` does inside a model.

    They compute in float32, whatever the global dtype policy.

    Args:
        model_or_tag: A model with published weights, or a checkpoint's tag.
        resize: Whether images of any size go in: first `ResizeAndCrop`, as in the
            test of the checkpoint. One batch has images of one size.
        data_format: `"channels_last"` or `"channels_first"`. `None` takes
            `keras.config.image_data_format()`.

    Returns:
        One layer, or two with `resize`.

    Raises:
        ValueError: If the model does not say what it wants, or it has layers before
            its network.

    Example:

    ```python
    network = keras_senet.SEResNet18(weights=None)  # or "imagenet"
    layers = keras_senet.preprocessing_layers("legacy_seresnet18", resize=True)
    photograph = keras.Input((None, None, 3), dtype="uint8")
    served = keras.Sequential([photograph, *layers, network])
    ```
    """
    convention = input_convention(model_or_tag)
    data_format = _checked(data_format)
    normalize = normalization_layer(
        convention.mean, convention.std, data_format=data_format, dtype="float32"
    )
    if not resize:
        return [normalize]
    cut = ResizeAndCrop(
        convention.size,
        shorter=math.floor(convention.size / convention.crop),
        interpolation=convention.interpolation,
        data_format=data_format,
        dtype="float32",
        name="resize_and_crop",
    )
    return [cut, normalize]


def normalization_layer(
    mean: tuple[float, ...] = InputConvention.mean,
    std: tuple[float, ...] = InputConvention.std,
    name: str = "normalization",
    *,
    data_format: str = "channels_last",
    dtype: Any = None,
) -> Any:
    """A layer that takes RGB 0..255 to zero mean and unit deviation.

    Args:
        mean: Mean of each channel, in 0..255.
        std: Standard deviation of each channel, in 0..255.
        name: The layer's name.
        data_format: `"channels_last"` or `"channels_first"`.
        dtype: The layer's dtype policy; `None` takes the global one.

    Returns:
        A `keras.layers.Rescaling` layer without weights.

    Example:

    ```python
    images = keras.Input((224, 224, 3))
    x = normalization_layer()(images)
    model = keras_senet.SEResNet50(weights=None, input_tensor=x)
    ```
    """
    scale: list[Any] = [1 / s for s in std]
    offset: list[Any] = [-m / s for m, s in zip(mean, std, strict=True)]
    if data_format == "channels_first":
        # Keras' layer would put the scale at the channels, the offset at the width.
        scale, offset = ([[[value]] for value in values] for values in (scale, offset))
    return keras.layers.Rescaling(scale=scale, offset=offset, name=name, dtype=dtype)


def input_convention(model_or_tag: Source) -> InputConvention:
    """Finds out what images a network wants.

    Args:
        model_or_tag: A model with published weights, perhaps fine-tuned, or with
            such a network in it; or a `Checkpoint`, or its tag.

    Returns:
        The convention of the checkpoint.

    Raises:
        ValueError: If the model does not say it, or if it has layers of its own
            before the network, so that it may want something else.
    """
    if isinstance(model_or_tag, InputConvention):
        return model_or_tag
    if isinstance(model_or_tag, str):
        model_or_tag = catalog.checkpoint(model_or_tag)
    if isinstance(model_or_tag, Checkpoint):
        return model_or_tag.input
    if not isinstance(model_or_tag, keras.Model):
        raise ValueError(
            "`model_or_tag` should be a model with published weights, or the tag of a "
            f"checkpoint. Received: {model_or_tag!r} of type "
            f"{type(model_or_tag).__name__}"
        )
    name = model_or_tag.name
    networks = list(_networks(model_or_tag))
    if not all(direct for _, direct in networks):
        raise ValueError(
            "`model_or_tag` should be a network that stands directly on its images. "
            f"Received: model {name}, in which other layers come before the network, "
            "or may do so. If they normalize, the model takes RGB in 0..255 as it is; "
            "otherwise pass the network alone, or the tag of its checkpoint"
        )
    known = [layer.checkpoint for layer, _ in networks]
    if not known or known[0] is None or any(each != known[0] for each in known):
        raise ValueError(
            "`model_or_tag` should be one network with published weights, or trained "
            f"from them. Received: model {name}, which carries no checkpoint, or "
            "several. If it has weights of timm, say, pass the tag of its checkpoint "
            "instead, such as 'seresnet50.ra2_in1k'"
        )
    fields = known[0]["input"]
    channels = {key: tuple(fields[key]) for key in ("mean", "std")}
    return InputConvention(**{**fields, **channels})


def _networks(model: keras.Model) -> Iterator[tuple[Provenance, bool]]:
    """The networks in a model, and whether it is sure that they see its images."""
    # In the order of the computation, before the first there are only inputs; of
    # models of one's own, the order is not known.
    direct = isinstance(model, (keras.Function, keras.Sequential))
    for operation in getattr(model, "operations", model.layers):
        if isinstance(operation, keras.layers.InputLayer):
            continue
        if isinstance(operation, Provenance):
            yield operation, direct
        elif isinstance(operation, keras.Model):
            yield from ((each, direct and d) for each, d in _networks(operation))
        direct = False


def _checked(data_format: str | None) -> str:
    data_format = data_format or keras.config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            "`data_format` should be 'channels_last', 'channels_first' or None. "
            f"Received: data_format={data_format!r}"
        )
    return data_format


def _check_images(x: Any, channels: int, data_format: str) -> None:
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        raise ValueError(
            "`x` should be a NumPy array or a tensor. "
            f"Received: x of type {type(x).__name__}"
        )
    shape = tuple(x.shape)
    axis = -3 if data_format == "channels_first" else -1
    if len(shape) not in (3, 4) or shape[axis] != channels:
        raise ValueError(
            f"`x` should be an image of {channels} channels, or a batch of them, in "
            f"`data_format` {data_format!r}. Received: x of shape {shape}"
        )


def _warn_if_scaled(x: Any) -> None:
    """Warns of floats in a range that images in 0..255 have never."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    if not keras.backend.is_float_dtype(dtype) or 0 in tuple(x.shape):
        return
    try:
        low, high = (float(ops.convert_to_numpy(f(x))) for f in (ops.min, ops.max))
    except (NotImplementedError, TypeError, ValueError):
        return  # In a graph there are no values yet.
    if low >= -3 and 0 < high <= 3:
        warnings.warn(
            "`x` should be RGB in 0..255, but it looks as if it were scaled already: "
            f"all values are from {low:.3g} to {high:.3g}.",
            stacklevel=3,
        )
