"""Which network a file of weights belongs to."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import keras

from keras_senet.errors import InputError
from keras_senet.models.families import NETWORKS, SPECS
from keras_senet.models.spec import NetworkSpec, ResidualSpec
from keras_senet.weights.names import DIALECTS, Dialect
from keras_senet.weights.pretrained import Pretrained
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


# Where Keras keeps the first kernel and the classifier's bias in `.weights.h5` files.
STORED = {"kernel": "layers/conv2d/vars/0", "bias": "layers/classifier/vars/1"}


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

    def build(self) -> keras.Model:
        """Builds the network and loads the weights.

        Raises:
            ValueError: If they do not fit.
        """
        return NETWORKS[self.network](weights=self.source.path, **self.arguments)


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
    if network not in NETWORKS or "inserted" in source.facts:
        return None
    spec = SPECS[network]
    arguments = {
        argument: source.facts[fact]
        for fact, argument in ARGUMENTS.items()
        if argument not in spec.absent
    }
    if source.file is None:
        with h5py.File(source.path) as stored:
            found = {
                name: stored[at].shape for name, at in STORED.items() if at in stored
            }
        channels, classes = found["kernel"][2], found.get("bias", (None,))[0]
    elif source.file.format == "keras":
        kernels = [x.shape for x in source.file.tensors.values() if len(x.shape) == 4]
        biases = [source.file.tensors.get("predictions/bias")]
        channels = kernels[0][2]
        classes = biases[0].shape[0] if biases[0] else None
    else:
        publisher = source.publisher(source.adopted(spec, None))
        channels, classes = _published_sizes(source.file.tensors, publisher, spec)
    arguments |= _sizes(spec, channels, classes)
    return Recognized(
        source=source, network=network, publisher="keras_senet", arguments=arguments
    )


def _by_names(source: Pretrained) -> Recognized | None:
    """A file of others has the names of one publisher and the shapes of one network."""
    assert source.file is not None
    for network, spec, publisher in _candidates(source.file.tensors):
        channels, classes = _published_sizes(source.file.tensors, publisher, spec)
        arguments = {"reduction": spec.se.reduction, "use_bias": spec.se.use_bias}
        return Recognized(
            source=source,
            network=network,
            publisher=publisher.name,
            arguments=arguments | _sizes(spec, channels, classes),
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


def _sizes(spec: NetworkSpec, channels: int, classes: int | None) -> dict[str, Any]:
    size = (spec.size, spec.size)
    first = keras.config.image_data_format() == "channels_first"
    shape = (channels, *size) if first else (*size, channels)
    top = {"include_top": False} if classes is None else {"classes": classes}
    return {"input_shape": shape, **top}
