"""Files of weights from one format to another: in float32, bit for bit."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.checkpoints.recognition import Recognized, recognize
from keras_senet.errors import InputError
from keras_senet.files import written_whole
from keras_senet.models.families import SPECS
from keras_senet.models.spec import NetworkSpec, SqueezeExciteSpec
from keras_senet.weights.keras_file import facts_of, network_layers, provenance_of
from keras_senet.weights.names import Dialect, dialect
from keras_senet.weights.port import weights_of
from keras_senet.weights.sources import METADATA

# The architectures of timm, by network and dialect.
TIMM_NAMES = {
    ("se_resnet18", "caffe"): "legacy_seresnet18",
    ("se_resnet34", "caffe"): "legacy_seresnet34",
    ("se_resnet50", "caffe"): "legacy_seresnet50",
    ("se_resnet101", "caffe"): "legacy_seresnet101",
    ("se_resnet152", "caffe"): "legacy_seresnet152",
    ("se_resnext26", "caffe"): "legacy_seresnext26_32x4d",
    ("se_resnext50", "caffe"): "legacy_seresnext50_32x4d",
    ("se_resnext101", "caffe"): "legacy_seresnext101_32x4d",
    ("senet154", "caffe"): "legacy_senet154",
    ("se_resnet50", "pytorch"): "seresnet50",
    ("se_resnet101", "pytorch"): "seresnet101",
    ("se_resnet152", "pytorch"): "seresnet152",
    ("se_resnext50", "pytorch"): "seresnext50_32x4d",
    ("se_resnext101", "pytorch"): "seresnext101_32x4d",
    ("se_resnext101_64x4d", "pytorch"): "seresnext101_64x4d",
    ("se_resnext101_32x8d", "pytorch"): "seresnext101_32x8d",
    ("se_resnet152d", "pytorch"): "seresnet152d",
    ("senet154", "pytorch"): "senet154",
}


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was converted.

    Attributes:
        path: The new file.
        source: The file that it was made from, and the network.
        tensors: How many tensors it has.
        images: What its network wants: mean and std of RGB in 0..255, size, crop and
            interpolation; `None` if the source does not say.
        left_out: Layers of the source that are none of the network's.
        timm: The arguments of `timm.create_model` that load it, if it is for timm.
    """

    path: Path
    source: Recognized
    tensors: int
    images: dict[str, Any] | None
    left_out: list[str]
    timm: dict[str, Any] | None = None


def convert(
    source: str | os.PathLike, out: str | os.PathLike, *, to: str = "keras"
) -> Conversion:
    """Converts a file of weights.

    Args:
        source: A `.weights.h5`, `.keras`, safetensors, torch or Caffe file, or one of
            Keras 2 by `classification_models`.
        out: The file to write: `.weights.h5`, or `.safetensors` for timm.
        to: `"keras"` for a file of this package, or `"timm"`.

    Returns:
        What was converted.

    Raises:
        InputError: If the source fits no network, the ending of `out` is not the
            format's, or timm has no such network.
        ValueError: If the source cannot be read, or does not fit its network.
        FileNotFoundError: If there is no such file.

    Example:

    ```python
    import keras_senet
    from keras_senet.checkpoints.conversion import convert

    model = keras_senet.SEResNet50(weights=None, classes=10)
    model.save_weights("mine.weights.h5")
    convert("mine.weights.h5", "mine.safetensors", to="timm")
    ```
    """
    endings = {"keras": ".weights.h5", "timm": ".safetensors"}
    if to not in endings:
        raise InputError(f"`to` should be one of {tuple(endings)}. Received: to={to!r}")
    if not str(out).endswith(endings[to]):
        raise InputError(
            f"A file for {to} should end in {endings[to]}. Received: {out}"
        )
    found = recognize(source)
    model = found.build()
    mark = provenance_of(model)
    timm = None if to == "keras" else _timm_arguments(model, found, out)
    with written_whole(out) as path:
        if to == "keras":
            model.save_weights(path)
            count = len(model.weights)
        else:
            count = _write_timm(model, path)
    return Conversion(
        path=Path(out),
        source=found,
        tensors=count,
        images=mark.checkpoint and mark.checkpoint["input"],
        left_out=found.source.left_out(),
        timm=timm,
    )


def _timm_arguments(
    model: keras.Model, found: Recognized, out: str | os.PathLike
) -> dict[str, Any]:
    shape = found.arguments["input_shape"]
    first = keras.config.image_data_format() == "channels_first"
    return {
        "model_name": timm_name(provenance_of(model).facts),
        "num_classes": found.arguments.get("classes", 0),
        "in_chans": shape[0 if first else -1],
        "checkpoint_path": str(out),
    }


def spec_of(facts: dict[str, Any]) -> NetworkSpec:
    """The spec of a network, from its facts."""
    spec = SPECS[facts["network"]]
    names = SqueezeExciteSpec.__dataclass_fields__
    se = SqueezeExciteSpec(**{name: facts[name] for name in names})
    stages = None if se.stages is None else tuple(se.stages)
    return replace(spec, variant=facts["variant"], se=replace(se, stages=stages))


def timm_name(facts: dict[str, Any]) -> str:
    """The architecture of timm that is the same function as a network of ours.

    Args:
        facts: The network's facts.

    Raises:
        InputError: If timm has none.
    """
    network, variant = facts["network"], facts["variant"]
    name = TIMM_NAMES.get((network, variant))
    if name is None or facts.keys() & {"inserted", "removed"}:
        known = ", ".join(f"{a} ({b})" for a, b in TIMM_NAMES)
        raise InputError(
            f"timm has no {network} in the dialect {variant}. It has {known}."
        )
    spec = spec_of(facts)
    theirs = _publisher(spec).adopted(replace(spec, se=SqueezeExciteSpec())).se
    if spec.se != theirs:
        differ = [
            f"{field} is {value!r} instead of {getattr(theirs, field)!r}"
            for field, value in asdict(spec.se).items()
            if value != getattr(theirs, field)
        ]
        raise InputError(f"timm's {name} is another function: {', '.join(differ)}.")
    return name


def timm_tensors(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights of a network, named and laid out as timm has them.

    Args:
        model: A network of this package that timm has.

    Returns:
        From name to array, in the order of the network.

    Raises:
        InputError: If timm has no such network.

    Example:

    ```python
    import keras_senet
    from keras_senet.checkpoints.conversion import timm_tensors

    state = timm_tensors(keras_senet.SEResNet50(weights=None, classes=10))
    state["layer1.0.se.fc1.weight"].shape  # (16, 256, 1, 1)
    ```
    """
    facts = provenance_of(model).facts
    timm_name(facts)
    spec = spec_of(facts)
    weights = weights_of(network_layers(model))
    include_top = "predictions/kernel" in weights
    tensors = {}
    for rule in _publisher(spec).rules(spec, include_top):
        array = keras.ops.convert_to_numpy(weights[rule.target])
        assert rule.layout.back is not None
        tensors[rule.sources[0]] = np.ascontiguousarray(rule.layout.back(array))
    return tensors


def _write_timm(model: keras.Model, path: Path) -> int:
    from safetensors.numpy import save

    tensors = timm_tensors(model)
    # timm and the hub want to know whose layout the arrays have.
    metadata = {"format": "pt", METADATA: json.dumps(facts_of(model))}
    # Not `save_file`, whose files only their owner may read.
    path.write_bytes(save(tensors, metadata=metadata))
    return len(tensors)


def _publisher(spec: NetworkSpec) -> Dialect:
    return dialect("cadene" if spec.variant == "caffe" else "timm")
