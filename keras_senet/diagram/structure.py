"""What a network's blocks are made of, read from its graph."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import keras

from keras_senet.layers import ChannelShuffle, ShakeShake, SqueezeExcite
from keras_senet.models.graph import Call, Graph

PARTS = re.compile(r"(stem|head|stage\d+)_(?:block(\d+)_)?")


@dataclass(frozen=True)
class Fork:
    """Chains side by side that meet again.

    Attributes:
        branches: The chains; an empty one is the identity.
        merge: How they meet: `"+"`, `"concat"` or `"mix"`.
    """

    branches: tuple["Chain", ...]
    merge: str


Chain = tuple["str | Fork", ...]


@dataclass(frozen=True)
class Block:
    """Equal blocks in a row.

    Attributes:
        part: `"stem"`, `"stage 2"`, ..., `"head"` or `"classifier"`.
        first: Number of the first block in its stage; `None` outside of stages.
        last: Number of the last one.
        chain: What one of them does.
        output: The shape of the output, without the batch.
        parameters: Parameters of one of them, with the moving statistics.
    """

    part: str
    first: int | None
    last: int | None
    chain: Chain
    output: tuple[int | None, ...]
    parameters: int

    @property
    def repeats(self) -> int:
        """How many blocks these are."""
        if self.first is None or self.last is None:
            return 1
        return self.last - self.first + 1

    @property
    def name(self) -> str:
        """What a reader calls the blocks."""
        if self.first is None:
            return self.part
        if self.repeats == 1:
            return f"{self.part}, block {self.first}"
        return f"{self.part}, blocks {self.first}-{self.last}"


def blocks(model: keras.Model) -> list[Block]:
    """Reads the blocks of a network of this package.

    Args:
        model: The network.

    Returns:
        Its blocks from the images to the classes, equal neighbors as one.
    """
    graph = Graph(model)
    calls = [call for call in graph.calls if call.operation is not None]
    found: list[Block] = []
    stop = graph.calls[0]
    # Layers of different blocks may take turns in the graph's own order.
    calls.sort(key=lambda call: _order(call.operation.name))
    for part, members in groupby(calls, key=lambda call: _part(call.operation.name)):
        group = sorted(members, key=lambda call: call.index)
        chain = _chain(graph, group[-1], stop)
        stop = group[-1]
        layers = {id(call.operation): call.operation for call in group}
        parameters = sum(
            math.prod(weight.shape)
            for layer in layers.values()
            for weight in getattr(layer, "weights", ())
        )
        output = tuple(stop.outputs[0].shape[1:])
        if parameters and not chain:
            # The end of networks with pre-activation.
            chain = ("normalization and ReLU",)
        if chain:
            found.append(_block(part, chain, output, parameters))
    return _merged(found)


def _part(name: str) -> tuple[str, int | None]:
    match = PARTS.match(name)
    if match is None:
        return ("images" if name in ENTRIES else "classifier", None)
    return match[1], int(match[2]) if match[2] else None


ENTRIES = ("provenance", "image_size")
ORDER = {"images": 0, "stem": 1, "head": 98, "classifier": 99}


def _order(name: str) -> tuple[int, int]:
    part, block = _part(name)
    stage = ORDER[part] if part in ORDER else 1 + int(part.removeprefix("stage"))
    return stage, block or 0


def _block(
    part: tuple[str, int | None], chain: Chain, output: tuple, parameters: int
) -> Block:
    name, number = part
    name = name.replace("stage", "stage ")
    return Block(name, number, number, chain, output, parameters)


def _merged(found: list[Block]) -> list[Block]:
    """Neighbors that differ in their number alone, as one."""
    merged: list[Block] = []
    for block in found:
        before = merged[-1] if merged else block
        renumbered = replace(block, first=before.first, last=before.last)
        if merged and block.first is not None and renumbered == before:
            merged[-1] = replace(before, last=block.last)
        else:
            merged.append(block)
    return merged


def _chain(graph: Graph, last: Call, stop: Call) -> Chain:
    """What happens from one call, which does not count, to another, which does."""
    items: list[str | Fork] = []
    call = last
    while call.index != stop.index:
        if len(call.inputs) > 1:
            origin = graph.nearest_common_ancestor(call.inputs)
            assert origin is not None, "a network has one input"
            branches = [_chain(graph, graph.maker(x), origin) for x in call.inputs]
            items.append(Fork(tuple(branches), MERGES[type(call.operation)]))
            call = origin
            continue
        label = _label(call)
        items.extend([label] if label else [])
        call = graph.maker(call.inputs[0])
    return tuple(reversed(items))


MERGES: dict[type, str] = {
    keras.layers.Add: "+",
    keras.layers.Concatenate: "concat",
    ShakeShake: "mix",
}


def _window(kernel: tuple[int, int], strides: tuple[int, int]) -> str:
    stride = f"/{strides[0]}" if strides[0] > 1 else ""
    return f"{kernel[0]}x{kernel[1]}{stride}"


def _convolution(layer: Any) -> str:
    groups = f" in {layer.groups} groups" if layer.groups > 1 else ""
    return f"{_window(layer.kernel_size, layer.strides)} {layer.filters}{groups}"


def _squeeze_excite(layer: Any) -> str:
    channels, units = layer.reduce_kernel.shape
    return f"SE {channels}-{units}-{channels}"


# Normalization, ReLU and padding go without saying, as in the paper's table 1.
LABELS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (
        keras.layers.DepthwiseConv2D,
        lambda x: f"depthwise {_window(x.kernel_size, x.strides)}",
    ),
    (keras.layers.Conv2D, _convolution),
    (keras.layers.MaxPooling2D, lambda x: f"max {_window(x.pool_size, x.strides)}"),
    (
        keras.layers.AveragePooling2D,
        lambda x: f"average {_window(x.pool_size, x.strides)}",
    ),
    (keras.layers.GlobalAveragePooling2D, lambda x: "global average"),
    (keras.layers.Flatten, lambda x: "flatten"),
    (keras.layers.Dropout, lambda x: f"dropout {x.rate:g}"),
    (keras.layers.Rescaling, lambda x: f"times {x.scale:g}"),
    (keras.layers.Dense, lambda x: f"dense {x.units}"),
    (keras.layers.Cropping2D, lambda x: "shifted"),
    (ChannelShuffle, lambda x: "shuffle"),
    (SqueezeExcite, _squeeze_excite),
)


def _label(call: Call) -> str:
    for kind, label in LABELS:
        if isinstance(call.operation, kind):
            return label(call.operation)
    return ""
