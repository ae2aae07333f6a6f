"""From what a person asks for to blocks and their constant gates."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np

from keras_senet.errors import near_matches
from keras_senet.layers import SqueezeExcite
from keras_senet.layers.gates import numbered
from keras_senet.models.graph import Graph, is_functional
from keras_senet.models.kernels import float64
from keras_senet.models.placement import SHOWN, choice

Blocks: TypeAlias = str | keras.layers.Layer | Callable[[Any], bool] | Sequence[Any]


def name_blocks(
    model: keras.Model, graphs: Mapping[int, Graph]
) -> dict[str, SqueezeExcite]:
    """Finds the blocks of a model by the names of their gates.

    Args:
        model: The model.
        graphs: Its graph and those of its nested models, by their `id`.

    Returns:
        The blocks in the order of the network, with the names that `gates` gives them:
        several for one that is called several times.
    """
    found: dict[str, SqueezeExcite] = {}
    for call in graphs[id(model)].calls:
        layer = call.operation
        if isinstance(layer, SqueezeExcite):
            found[numbered(layer.name, found)] = layer
        elif is_functional(layer):
            for name, block in name_blocks(layer, graphs).items():
                found[numbered(f"{layer.name}/{name}", found)] = block
    return found


def choose(
    model: keras.Model, named: dict[str, SqueezeExcite], blocks: Blocks | None
) -> dict[str, SqueezeExcite]:
    """Finds the blocks that a person wants to remove.

    Args:
        model: The model.
        named: Its blocks, by all of their names.
        blocks: See `remove_squeeze_excite`.

    Returns:
        The blocks, each by the first of its names.

    Raises:
        ValueError: If there are none.
    """
    # From the last to the first one, which stays.
    first = {id(block): name for name, block in reversed(named.items())}
    known = {name: x for name, x in named.items() if first[id(x)] == name}
    if not known:
        raise ValueError(
            "`model` should have at least one `SqueezeExcite` layer. "
            f"Received: {model.name} without any"
        )
    if blocks is None:
        return known
    listed: Any = [blocks] if isinstance(blocks, str) and blocks in named else blocks
    if isinstance(listed, (list, tuple, set)):
        listed = [named.get(x, x) if isinstance(x, str) else x for x in listed]
    is_chosen = choice(listed, "blocks", list(known.values()))
    chosen = {name: block for name, block in known.items() if is_chosen(block)}
    if not chosen:
        raise ValueError(
            "`blocks` should match a `SqueezeExcite` layer of the model. "
            f"{near_matches(str(blocks), known, SHOWN)} Received: blocks={blocks!r}"
        )
    return chosen


def constants(
    named: dict[str, SqueezeExcite], chosen: dict[str, SqueezeExcite], gates: Any
) -> dict[int, np.ndarray]:
    """Checks the constant gates that a person gave.

    Args:
        named: The blocks of the model, by all of their names.
        chosen: Those to remove, each by the first of its names.
        gates: See `remove_squeeze_excite`.

    Returns:
        The gates of all channels of each chosen block, in float64, by its `id`.

    Raises:
        ValueError: If one is missing, or is not what it should be.
    """
    if not isinstance(gates, Mapping):
        raise ValueError(
            "`gates` should be a mapping from names of blocks to constant gates. "
            f"Received: gates={gates!r}"
        )
    for name in gates:
        if name not in named:
            raise ValueError(
                "`gates` should have the names of blocks of the model. "
                f"{near_matches(str(name), named, SHOWN)} Received: {name!r}"
            )
    found = {}
    for name, block in chosen.items():
        if name not in gates:
            raise ValueError(
                f"`gates` should have constant gates for block {name!r}, which is to "
                f"be removed. Received: gates for {sorted(gates)}"
            )
        found[id(block)] = _constant(name, gates[name], block)
    for name in gates.keys() - chosen.keys():
        block = named[name]
        if id(block) in found and np.any(
            _constant(name, gates[name], block) != found[id(block)]
        ):
            raise ValueError(
                f"`gates` should have the same constants for all calls of block "
                f"{block.name!r}. Received: others for {name!r}"
            )
    return found


def _constant(name: str, given: Any, block: SqueezeExcite) -> np.ndarray:
    """The gates of all channels of one block."""
    channels = block.reduce_kernel.shape[0]
    try:
        values = float64(given)
    except (TypeError, ValueError):
        values = np.full((), np.nan)
    if values.shape not in ((), (channels,)):
        received = f"values of shape {values.shape}"
    elif not np.all(np.isfinite(values)):
        strange = values[~np.isfinite(values)]
        received = f"{strange[0]} among them" if values.ndim else repr(given)
    else:
        return np.broadcast_to(values, (channels,))
    raise ValueError(
        f"The gates of block {name!r} should be a finite number, or one for each of "
        f"the {channels} channels. Received: {received}"
    )
