"""What network a model is, kept inside the model itself."""

import json
from typing import Any

import keras
import numpy as np

VARIABLE = "spec"


@keras.saving.register_keras_serializable(package="keras_senet")
class Provenance(keras.layers.Layer):
    """Passes its input through and says which network stands behind it.

    Two dialects of a network have the same weight names and shapes but are
    different functions, so a mix-up of their weights would be silently wrong.
    This layer writes the facts that tell them apart into every file that Keras
    makes of the model, `.keras` and `.weights.h5` alike, and refuses weights
    whose facts differ (with `skip_mismatch=True`, Keras' own `load_weights` turns
    the refusal into a warning; the builders' `weights` argument does not). It
    survives cloning, and stays when a head is replaced. In an exported graph it
    leaves no trace.

    Args:
        facts: A dictionary of JSON values: the network's name and all arguments
            that change the function but not the weights' shapes.
        **kwargs: The keywords of every Keras layer.

    Raises:
        ValueError: When weights are loaded that were saved with other facts.

    Example:

    ```python
    layer = Provenance({"network": "se_resnet50", "variant": "caffe"})
    ```
    """

    def __init__(self, facts: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # By way of JSON, so that tuples compare equal after a round trip.
        self.facts = json.loads(json.dumps(facts))
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Returns the input."""
        return inputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the facts."""
        return {**super().get_config(), "facts": self.facts}

    def save_own_variables(self, store: Any) -> None:
        """Writes the facts as JSON beside the weights."""
        text = json.dumps(self.facts, sort_keys=True)
        store[VARIABLE] = np.frombuffer(text.encode(), dtype="uint8")

    def load_own_variables(self, store: Any) -> None:
        """Compares the facts beside the weights with this network's."""
        if VARIABLE not in store:
            return
        saved = decode(store[VARIABLE])
        if difference := differences(saved, self.facts):
            raise ValueError(
                "These weights belong to another function, although their shapes "
                f"may fit: {difference}."
            )


def decode(variable: Any) -> dict[str, Any]:
    """Reads facts from the array that `Provenance` stores beside the weights."""
    return json.loads(np.asarray(variable).tobytes().decode())


def differences(saved: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Says in words in which facts a file and a network differ, if they do."""
    return "; ".join(
        f"{key} is {saved.get(key)!r} in the file and {wanted.get(key)!r} here"
        for key in sorted(saved.keys() | wanted.keys())
        if saved.get(key) != wanted.get(key)
    )
