"""The feature maps that detectors and segmenters start from (journal, table 7)."""

import keras

from keras_senet.layers import Provenance
from keras_senet.models.families import SPECS


def endpoints(model: keras.Model) -> keras.Model:
    """Makes a backbone: a model that returns the feature maps C2 to C5.

    C2, C3, C4 and C5 are the last feature maps of strides 4, 8, 16 and 32, behind
    their SE. The strides of the valid-padded networks, SE-Inception-v3 and
    SE-Inception-ResNet-v2, are nominal: at 299 pixels their maps have 71, 35, 17
    and 8 positions to a side, which others have at 284, 280, 272 and 256 pixels.
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
    facts = [x.facts for x in model.layers if isinstance(x, Provenance)]
    if len(facts) != 1 or facts[0].get("network") not in SPECS:
        raise ValueError(
            "`model` should be an ImageNet network of keras_senet, and not nested "
            f"in another model. Received: {model.name}"
        )
    network = facts[0]["network"]
    prefixes = SPECS[network].endpoints
    if not prefixes:
        raise ValueError(
            "`model` should be an ImageNet network, with feature maps of strides 4 "
            f"to 32. Received: {model.name}, which is {network}"
        )
    # All layers of a stage lead to its last one, which thus comes last.
    outputs = {
        endpoint: [x for x in model.layers if x.name.startswith(prefix)][-1].output
        for endpoint, prefix in prefixes.items()
    }
    return keras.Model(model.input, outputs, name=f"{model.name}_endpoints")
