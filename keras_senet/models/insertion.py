"""Blocks in a network that exists already (conference, section 3.3)."""

from collections.abc import Hashable
from typing import Any

import keras

from keras_senet.layers import Provenance, SqueezeExcite
from keras_senet.layers.gates import numbered
from keras_senet.models.copying import check_functional, copy_model, with_nested
from keras_senet.models.graph import Graph, leaves
from keras_senet.models.placement import After, find_sites
from keras_senet.models.rules import Site


def insert_squeeze_excite(
    model: keras.Model,
    after: After,
    *,
    reduction: int = 16,
    units: int | None = None,
    use_bias: bool = True,
    squeeze: str | None = "avg",
    gate_activation: Any = "sigmoid",
    identity_init: bool = True,
    name: str | None = None,
) -> keras.Model:
    """Makes a copy of a network, with its weights and with `SqueezeExcite` blocks.

    Placement follows section 3.3 of the conference paper: at the end of residual
    branches, before the sum (figure 3, and "standard" in figure 5 of the journal
    paper), or after whole Inception modules (figure 2).

    With `identity_init` the new network computes what the old one does until it is
    trained. The old one stays as it is. Layers keep their `trainable`
    (layers inside of a composite one: that of their weights); the new model is
    trainable itself, so that the blocks of a frozen network learn.

    Args:
        model: Any functional or sequential model: of `keras.applications`,
            KerasHub, loaded from disk. Nested ones are rebuilt, too.
        after: `"residual_branches"`: at each sum of feature maps of equal shape, on
            the branch with the most layers with weights. `"concatenations"`: after
            each outermost concatenation of channels. Any other string is a regular
            expression that `re.search` looks for in the names of layers. A function
            from a layer to bool, or a list of layers or names of layers, which may
            be nested models.
        reduction: See `SqueezeExcite`, as for the following arguments.
        units: The hidden width, instead of `reduction`.
        use_bias: Whether the blocks have biases.
        squeeze: `"avg"`, `"max"` or `None`.
        gate_activation: The activation that makes the gates.
        identity_init: Whether the blocks begin as the identity.
        name: Name of the new model. `None` is `"se_"` and the old name.

    Returns:
        A functional model, which is not compiled. The block after layer `x` is
        named `"x_se"`. A layer, or residual branch, that is called more than once
        has one block for all calls.

    Raises:
        ValueError: If the model is not functional or has a layer that cannot be
            copied; if `after` matches nothing, or something that is no feature map;
            or if it is unclear which branch of a sum is the residual one.

    Example:

    ```python
    import keras
    import keras_senet

    mobilenet = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3))
    network = keras_senet.insert_squeeze_excite(mobilenet, "residual_branches")
    network.get_layer("block_2_project_BN_se")
    ```
    """
    check_functional(model)
    data_format = _data_format(model)
    models = with_nested(model)
    graphs = [Graph(each) for each in models]
    axis = 1 if data_format == "channels_first" else -1
    sites = find_sites(graphs, after, axis)

    names = {operation.name for operation in leaves(model)}
    names.update(nested.name for nested in models)
    blocks: dict[Hashable, SqueezeExcite] = {}
    detours: dict[int, dict] = {}
    for each, graph, found in zip(models, graphs, sites, strict=True):
        here = detours[id(each)] = {}
        for site in found:
            if site.shared not in blocks:
                blocks[site.shared] = SqueezeExcite(
                    reduction,
                    units=units,
                    use_bias=use_bias,
                    squeeze=squeeze,
                    gate_activation=gate_activation,
                    identity_init=identity_init,
                    data_format=data_format,
                    dtype=_dtype_policy(graph, site),
                    name=_new_name(site, names),
                )
            here[site.call.index, site.position] = blocks[site.shared]
    network = copy_model(model, name or f"se_{model.name}", detours)
    _state_facts(network, list(blocks.values()))
    return network


def _state_facts(network: keras.Model, blocks: list[SqueezeExcite]) -> None:
    """Makes files of the new network's weights differ from those of the old one."""
    facts = [
        {
            "name": block.name,
            "squeeze": block.squeeze,
            "gate_activation": keras.activations.serialize(block.gate_activation),
            "identity_init": block.identity_init,
        }
        for block in blocks
    ]
    for layer in leaves(network):
        if isinstance(layer, Provenance):
            layer.state("inserted", facts)


def _data_format(model: keras.Model) -> str:
    """The data format of the layers; where none has any, the global one."""
    found: dict[str, str] = {}
    for layer in leaves(model):
        # It says nothing about its input to flatten it.
        if not isinstance(layer, keras.layers.Flatten):
            data_format = getattr(layer, "data_format", None)
            if data_format in ("channels_last", "channels_first"):
                found.setdefault(data_format, layer.name)
    if len(found) > 1:
        raise ValueError(
            "All layers of `model` should have the same `data_format`. Received: "
            + " and ".join(f"{name} with {kind}" for kind, name in found.items())
        )
    return next(iter(found), keras.config.image_data_format())


def _dtype_policy(graph: Graph, site: Site) -> Any:
    """The policy of the layer that a block follows, or of the nearest before it."""
    call = site.maker
    while not isinstance(call.operation, keras.layers.Layer):
        if not call.inputs:
            return None
        call = max(map(graph.maker, call.inputs), key=lambda maker: maker.index)
    policy = call.operation.dtype_policy
    # Blocks have no quantized form.
    return None if policy.quantization_mode else policy


def _new_name(site: Site, names: set[str]) -> str:
    operation = site.maker.operation
    name = f"{'input' if operation is None else operation.name}_se"
    unique = numbered(name, names)
    names.add(unique)
    return unique
