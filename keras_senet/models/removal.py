"""Networks without their blocks, or with constant gates (conference, section 6.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from keras_senet.layers import ConstantGate, Provenance, SqueezeExcite
from keras_senet.models.constants import Blocks, choose, constants, name_blocks
from keras_senet.models.copying import (
    Replacements,
    check_functional,
    copy_model,
    with_nested,
)
from keras_senet.models.gate_folding import Folding, Share
from keras_senet.models.graph import Call, Graph, leaves

How: TypeAlias = Literal["kept", "folded", "dropped"]
HOWS: tuple[How, ...] = ("kept", "folded", "dropped")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a block.

    Attributes:
        how: `"dropped"`: it has left nothing. `"folded"`: its constant gates are in
            the weights of other layers. `"kept"`: a `ConstantGate` of its name has
            taken its place.
        layers: The names of the layers whose weights hold its gates.
        after: The layer that makes what the block made, if there is one.
    """

    how: How
    layers: tuple[str, ...] = ()
    after: str | None = None


def remove_squeeze_excite(
    model: keras.Model,
    blocks: Blocks | None = None,
    *,
    gates: Mapping[str, Any] | None = None,
    fold: bool = True,
    name: str | None = None,
) -> keras.Model:
    """Makes a copy of a network, with its weights, without `SqueezeExcite` blocks.

    Section 6.3 of the conference paper finds gates of the last stage that are the same
    for all images: such blocks can be constants, which cost nothing.

    A constant is folded, exact to rounding, into the weights of the normalization,
    convolutions or dense layers before it, else into those of the one behind it; also
    past ReLUs, pools, paddings, concatenations and the like, and before them past
    sums. Where that is not the same, because something else sees the feature map, or
    the layer is called elsewhere, too, or gates are negative before a ReLU, a layer
    with the constant stays in the block's place. Nothing is folded across the border
    of a nested model.

    Args:
        model: A functional or sequential model. Nested ones are rebuilt, too. It stays
            as it is.
        blocks: Which blocks: the name of one, a regular expression that `re.search`
            looks for in their names, a function from a layer to bool, or a list of
            layers or names. `None` is all of them.
        gates: From the names of blocks, as `keras_senet.gates` gives them, to constant
            gates: a number, or one for each channel. A block that is called several
            times goes by its first name. `None` drops the blocks, as gates of one.
        fold: Whether constants are folded into weights.
        name: Name of the new model. `None` is the old name.

    Returns:
        A functional model, which is not compiled. Layers keep their `trainable`. Its
        files and those of the old network, or of one that has never had SE, are not
        taken for each other. `endpoints` finds its feature maps, but for one whose
        gates are in the layer behind it (`fold=False` keeps it).

    Raises:
        ValueError: If the model is not functional, has no such block or a layer that
            cannot be copied; or if gates are missing, or not what they should be.

    Example:

    ```python
    import keras_senet

    network = keras_senet.SEResNet20(weights=None)
    plain = keras_senet.remove_squeeze_excite(network, "stage4")
    answers = keras_senet.gates(network)(images)
    means = {name: gate.numpy().mean(axis=0) for name, gate in answers.items()}
    constant = keras_senet.remove_squeeze_excite(network, "stage4", gates=means)
    constant.count_params() == plain.count_params()
    ```
    """
    network, _ = removal(model, blocks, gates=gates, fold=fold, name=name)
    return network


def removal(
    model: keras.Model,
    blocks: Blocks | None = None,
    *,
    gates: Mapping[str, Any] | None = None,
    fold: bool = True,
    name: str | None = None,
) -> tuple[keras.Model, dict[str, Outcome]]:
    """Does what `remove_squeeze_excite` does, and says what became of each block.

    Args:
        model: See `remove_squeeze_excite`, as for the following arguments.
        blocks: Which blocks.
        gates: Their constant gates.
        fold: Whether these are folded into weights.
        name: Name of the new model.

    Returns:
        The new model, and the outcomes by the names of the removed blocks.

    Raises:
        ValueError: See `remove_squeeze_excite`.

    Example:

    ```python
    from keras_senet.models.removal import removal

    name = "stage2_block1_se"
    network, outcomes = removal(model, name, gates={name: 0.5})
    outcomes[name].layers  # ("stage2_block1_bn2",)
    ```
    """
    check_functional(model)
    graphs = {id(each): Graph(each) for each in with_nested(model)}
    named = name_blocks(model, graphs)
    chosen = choose(model, named, blocks)
    values = {} if gates is None else constants(named, chosen, gates)
    removing = _Removing(chosen, values, fold, list(graphs.values()))
    replaced = {key: removing.replacements(graph) for key, graph in graphs.items()}
    network = copy_model(
        model,
        name or model.name,
        replaced=replaced,
        new_layer=removing.folding.new_layer,
        copy_layer=removing.folding.copy_layer,
    )
    outcomes = {key: removing.outcome(block) for key, block in chosen.items()}
    facts = [
        {"name": key, "how": outcome.how, "after": outcome.after}
        for key, outcome in outcomes.items()
    ]
    for layer in leaves(network):
        if isinstance(layer, Provenance):
            layer.state("removed", facts)
            layer.disclaim(layer.checkpoint)
    return network, outcomes


class _Removing:
    """What takes the place of each call of a block.

    Args:
        chosen: The blocks.
        values: Their constant gates, by their `id`; none if they are dropped.
        fold: Whether constants are folded into weights.
        graphs: The graphs of all models.
    """

    def __init__(
        self,
        chosen: dict[str, SqueezeExcite],
        values: dict[int, np.ndarray],
        fold: bool,
        graphs: list[Graph],
    ) -> None:
        self.folding = Folding(graphs, {id(block) for block in chosen.values()})
        self._values = values
        self._fold = fold
        self._ends: dict[int, list[Outcome]] = {id(x): [] for x in chosen.values()}
        self._kept: dict[int, ConstantGate] = {}

    def replacements(self, graph: Graph) -> Replacements:
        """Decides on all calls of a graph."""
        found: dict[int, keras.layers.Layer | None] = {}
        # The layers that make what the blocks made.
        makers: dict[int, str | None] = {}
        for call in graph.calls:
            if id(call.operation) not in self._ends:
                continue
            (source,), (made,) = call.inputs, call.outputs
            how, shares = self._end(graph, call)
            layer = found[call.index] = self._layer(call, how)
            before = graph.maker(source).operation
            after = makers.get(id(source), None if before is None else before.name)
            if any(share.before for share in shares):
                after = None
            makers[id(made)] = after if layer is None else layer.name
            layers = tuple(share.layer.name for share in shares)
            end = Outcome(how=how, layers=layers, after=makers[id(made)])
            self._ends[id(call.operation)].append(end)
        return found

    def outcome(self, block: SqueezeExcite) -> Outcome:
        """What became of all calls of a block."""
        ends = self._ends[id(block)]
        if len(ends) == 1:
            return ends[0]
        layers = tuple(dict.fromkeys(x for end in ends for x in end.layers))
        hows = {end.how for end in ends}
        return Outcome(how=next(x for x in HOWS if x in hows), layers=layers)

    def _end(self, graph: Graph, call: Call) -> tuple[How, list[Share]]:
        values = self._values.get(id(call.operation))
        if values is None or (self._fold and np.all(values == 1)):
            return "dropped", []
        shares = self.folding.fold(graph, call, values) if self._fold else []
        return ("folded" if shares else "kept"), shares

    def _layer(self, call: Call, how: How) -> keras.layers.Layer | None:
        """The layer in the place of a call, if there has to be one."""
        block, (source,), (made,) = call.operation, call.inputs, call.outputs
        settings = {"name": block.name, "dtype": block.dtype_policy}
        if how != "kept":
            # Others than layers do not cast what they take.
            cast = source.dtype != made.dtype
            return keras.layers.Identity(**settings) if cast else None
        if id(block) not in self._kept:
            gate = ConstantGate(data_format=block.data_format, **settings)
            gate.build(source.shape)
            gate.gate.assign(self._values[id(block)])
            self._kept[id(block)] = gate
        return self._kept[id(block)]
