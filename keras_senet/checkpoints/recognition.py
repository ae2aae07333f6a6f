"""Which network a file of weights belongs to."""

import inspect
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from keras_senet.errors import InputError
from keras_senet.models.families import NETWORKS, SPECS
from keras_senet.models.spec import NetworkSpec, ResidualSpec
from keras_senet.weights.names import DIALECTS, Dialect
from keras_senet.weights.pretrained import Pretrained, ours
from keras_senet.weights.rule import Rule
from keras_senet.weights.sources import opened
from keras_senet.weights.tensors import StoredTensor

# Facts of a file, and the arguments of the networks that set them.
ARGUMENTS = {
    "reduction": "reduction",
    "use_bias": "use_bias",
    "squeeze": "squeeze",
    "gate_activation": "gate_activation",
    "stages": "se_stages",
    "placement": "se_placement",
    "variant": "variant",
}


@dataclass(frozen=True, kw_only=True)
class Recognized:
    """A file of weights, and the network that it belongs to.

    Attributes:
        source: The file.
        network: The network's name, such as `"se_resnet50"`.
        publisher: Whose names its tensors have: `"keras_senet"` for our own.
        arguments: With which arguments its function builds it.
    """

    source: Pretrained
    network: str
    publisher: str
    arguments: dict[str, Any]

    def changed(self) -> dict[str, Any]:
        """The arguments that are not the defaults of the network's function."""
        parameters = inspect.signature(NETWORKS[self.network]).parameters
        size = SPECS[self.network].size
        return {
            name: value
            for name, value in self.arguments.items()
            if value != parameters[name].default
            and not (name == "variant" or value in ((size, size, 3), (3, size, size)))
        }

    def build(self) -> keras.Model:
        """Builds the network in float32 and loads the weights.

        Raises:
            ValueError: If they do not fit.
        """
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32")
        try:
            return NETWORKS[self.network](weights=self.source.path, **self.arguments)
        finally:
            keras.config.set_dtype_policy(policy)


def recognize(path: str | os.PathLike) -> Recognized:
    """Recognizes the network that a file of weights belongs to, and whose it is.

    Args:
        path: A `.weights.h5`, `.keras`, safetensors, torch or Caffe file, or one of
            Keras 2 by `classification_models`.

    Returns:
        What is needed to build it.

    Raises:
        InputError: If it fits no network of this package.
        ValueError: If it cannot be read.
        FileNotFoundError: If there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {path}.")
    source = opened(path)
    found = _by_facts(source) if source.facts else _by_names(source)
    if found is None:
        raise InputError(
            f"{path} fits no network of this package, by the names and shapes of its "
            "tensors. It should hold all weights of one; `keras-senet list` names them."
        )
    return found


def _by_facts(source: Pretrained) -> Recognized | None:
    """A file that we wrote says what it is; only sizes are left to be seen."""
    network = source.facts.get("network")
    if network not in NETWORKS or source.facts.keys() & {"inserted", "removed"}:
        return None
    spec = SPECS[network]
    arguments = {
        argument: source.facts[fact]
        for fact, argument in ARGUMENTS.items()
        if argument not in spec.absent
    }
    tensors, size = source.file.tensors, spec.size
    if source.file.format in ("keras", "weights.h5"):
        channels, classes = _own_sizes(tensors)
        if spec.hidden and classes is not None:
            size = _side(tensors, spec)
    else:
        publisher = source.publisher(source.adopted(spec, None))
        channels, classes = _published_sizes(tensors, publisher, spec)
    arguments |= _sizes(size, channels, classes)
    return Recognized(
        source=source, network=network, publisher="keras_senet", arguments=arguments
    )


def _by_names(source: Pretrained) -> Recognized | None:
    """A file of others has the names of one publisher and the shapes of one network."""
    for network, spec, publisher in _candidates(source.file.tensors):
        channels, classes = _published_sizes(source.file.tensors, publisher, spec)
        arguments = {"reduction": spec.se.reduction, "use_bias": spec.se.use_bias}
        return Recognized(
            source=source,
            network=network,
            publisher=publisher.name,
            arguments=arguments | _sizes(spec.size, channels, classes),
        )
    return None


def _candidates(
    tensors: Mapping[str, StoredTensor],
) -> Iterator[tuple[str, NetworkSpec, Dialect]]:
    """Networks whose names are those of the file, counters and classifier aside.

    Loading compares all shapes; here one kernel is enough to tell networks apart
    that have the same names.
    """
    for publisher in DIALECTS:
        own = {name for name in tensors if not publisher.leftover(name, False)}
        for network, spec in SPECS.items():
            # Plain networks, without SE, are published by the same names.
            for reduction in (spec.se.reduction, None):
                se = replace(spec.se, reduction=reduction, use_bias=publisher.use_bias)
                wanted = replace(spec, se=se)
                rules = {rule.target: rule for rule in publisher.rules(wanted, False)}
                if own != {x for rule in rules.values() for x in rule.sources}:
                    continue
                if isinstance(spec, ResidualSpec):
                    rule = rules["stage2_block1_conv2/kernel"]
                    if _shape(rule, tensors) != _second_kernel(spec):
                        continue
                yield network, wanted, publisher


def _second_kernel(spec: ResidualSpec) -> tuple[int, int, int, int]:
    """The shape of the first block's 3x3 kernel."""
    width = spec.widths[0]
    inputs = width * spec.reduce if spec.block == "bottleneck" else width
    return (3, 3, inputs // spec.groups, width * spec.middle)


def _shape(rule: Rule, tensors: Mapping[str, StoredTensor]) -> tuple[int, ...]:
    """The shape of a tensor of ours, if it is made from these."""
    return rule.layout.shape(*(tensors[source].shape for source in rule.sources))


def _published_sizes(
    tensors: Mapping[str, StoredTensor], publisher: Dialect, spec: NetworkSpec
) -> tuple[int, int | None]:
    """Channels of the images, and the number of classes if there is a classifier."""
    first = next(publisher.rules(spec, False))
    ends = (".bias", ".1")
    biases = [tensors.get(f"{publisher.classifier}{end}") for end in ends]
    classes = [math.prod(bias.shape) for bias in biases if bias is not None]
    return _shape(first, tensors)[2], classes[0] if classes else None


def _own_sizes(tensors: Mapping[str, StoredTensor]) -> tuple[int, int | None]:
    """Channels and classes, by the names of layers that we give."""
    kernels = [name for name, x in tensors.items() if ours(name) and len(x.shape) == 4]
    first = min(kernels, key=lambda name: (not name.startswith("stem"), name))
    bias = tensors.get("predictions/bias") or tensors.get("predictions/1")
    return tensors[first].shape[2], None if bias is None else bias.shape[0]


def _side(tensors: Mapping[str, StoredTensor], spec: NetworkSpec) -> int:
    """The side of the images of a network whose classifier wants one size."""
    kernel = tensors.get("fc1/kernel") or tensors["fc1/0"]
    channels = max(x.shape[3] for x in tensors.values() if len(x.shape) == 4)
    return math.isqrt(kernel.shape[0] // channels) * spec.least


def _sizes(side: int, channels: int, classes: int | None) -> dict[str, Any]:
    size = (side, side)
    first = keras.config.image_data_format() == "channels_first"
    shape = (channels, *size) if first else (*size, channels)
    top = {"include_top": False} if classes is None else {"classes": classes}
    return {"input_shape": shape, **top}
