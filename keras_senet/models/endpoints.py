"""The feature maps that detectors and segmenters start from (journal, table 7)."""

from dataclasses import fields, replace
from typing import Any

import keras

from keras_senet.layers import Provenance
from keras_senet.models.families import SPECS
from keras_senet.models.spec import SqueezeExciteSpec


def endpoints(model: keras.Model) -> keras.Model:
    """Makes a backbone: a model that returns the feature maps C2 to C5.

    C2, C3, C4 and C5 are the last feature maps of strides 4, 8, 16 and 32, behind
    their SE. The strides of the valid-padded networks, SE-Inception-v3 and
    SE-Inception-ResNet-v2, are nominal: at 299 pixels their maps have 71, 35, 17
    and 8 positions to a side.
    The new model shares the weights of `model`, whose classifier is left out.

    Args:
        model: An ImageNet network of this package, with or without its top, also
            loaded from disk or fine-tuned. For images of any size build it with
            `include_top=False` and `input_shape=(None, None, 3)`.

    Returns:
        A functional model with the inputs of `model`. Its output is a dictionary
        with the keys `"C2"`, `"C3"`, `"C4"` and `"C5"`.

    Raises:
        ValueError: If the model is none of this package's ImageNet networks.

    Example:

    ```python
    import keras_senet

    network = keras_senet.SEResNet18(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    backbone = keras_senet.endpoints(network)
    backbone.output["C4"].shape  # (None, None, None, 256)
    ```
    """
    layers = {layer.name: layer for layer in getattr(model, "layers", ())}
    facts = [x.facts for x in layers.values() if isinstance(x, Provenance)]
    if len(facts) != 1 or facts[0].get("network") not in SPECS:
        raise ValueError(
            "`model` should be an ImageNet network of keras_senet, and not nested "
            f"in another model. Received: {getattr(model, 'name', model)!r}"
        )
    network = facts[0]["network"]
    names = replace(SPECS[network], se=_se(facts[0])).endpoints
    if not names:
        raise ValueError(
            "`model` should be an ImageNet network, with feature maps of strides 4 "
            f"to 32. Received: {model.name}, which is {network}"
        )
    # Where a block was removed, another layer makes that map.
    afters = {x["name"]: x["after"] for x in facts[0].get("removed", ())}
    names = {key: afters.get(name) or name for key, name in names.items()}
    if missing := [name for name in names.values() if name not in layers]:
        raise ValueError(
            "`model` should have all of its stages. Received: "
            f"{model.name}, which has no layer {missing[0]!r}"
        )
    outputs = {endpoint: layers[name].output for endpoint, name in names.items()}
    return keras.Model(model.input, outputs, name=f"{model.name}_endpoints")


def _se(facts: dict[str, Any]) -> SqueezeExciteSpec:
    names = [field.name for field in fields(SqueezeExciteSpec)]
    return SqueezeExciteSpec(**{name: facts[name] for name in names})
