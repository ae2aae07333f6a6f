"""What network a model is, kept inside the model itself."""

import json
from typing import Any

import keras
import numpy as np

VARIABLE = "spec"
CHECKPOINT = "checkpoint"


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

    Beside the facts it can say which published checkpoint the weights come from,
    and what images that wants. This is a property of the weights, so it is not
    compared: loading takes it over from the file, and a file that says nothing of
    it takes the old claim away.

    Args:
        facts: A dictionary of JSON values: the network's name and all arguments
            that change the function but not the weights' shapes.
        checkpoint: `None`, or a dictionary of JSON values: `"tag"`, the published
            name or `None`, and `"input"`, the fields of an `InputConvention`.
        **kwargs: The keywords of every Keras layer.

    Raises:
        ValueError: When weights are loaded that were saved with other facts.

    Example:

    ```python
    layer = Provenance({"network": "se_resnet50", "variant": "caffe"})
    ```
    """

    def __init__(
        self,
        facts: dict[str, Any],
        checkpoint: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # By way of JSON, so that tuples compare equal after a round trip.
        self.facts = json.loads(json.dumps(facts))
        self.checkpoint = checkpoint
        self.built = True

    @property
    def checkpoint(self) -> dict[str, Any] | None:
        """Where the weights come from, if that is known."""
        return json.loads(self._checkpoint)

    @checkpoint.setter
    def checkpoint(self, value: dict[str, Any] | None) -> None:
        # As text, so that layers never share a dictionary that one of them changes.
        self._checkpoint = json.dumps(value, sort_keys=True)

    def state(self, key: str, more: list[Any]) -> None:
        """Appends JSON values to a list among the facts."""
        self.facts = {**self.facts, key: [*self.facts.get(key, ()), *more]}

    def disclaim(self, images: dict[str, Any] | None) -> None:
        """Says that the function is no published one, but wants the images of one.

        Args:
            images: What `checkpoint` says of the published one.
        """
        self.checkpoint = images and {**images, "tag": None}

    def call(self, inputs: Any) -> Any:
        """Returns the input."""
        return inputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the facts and the checkpoint."""
        return {
            **super().get_config(),
            "facts": self.facts,
            "checkpoint": self.checkpoint,
        }

    def save_own_variables(self, store: Any) -> None:
        """Writes facts and checkpoint as JSON beside the weights."""
        store[VARIABLE] = encode(self.facts)
        if self.checkpoint is not None:
            store[CHECKPOINT] = encode(self.checkpoint)

    def load_own_variables(self, store: Any) -> None:
        """Compares the facts beside the weights, and takes over their checkpoint."""
        # Also when it refuses: Keras goes on and loads the other layers.
        self.checkpoint = None
        saved = decode(store[VARIABLE]) if VARIABLE in store else self.facts
        if difference := differences(saved, self.facts):
            raise ValueError(
                "These weights belong to another function, although their shapes "
                f"may fit: {difference}."
            )
        if CHECKPOINT in store:
            self.checkpoint = decode(store[CHECKPOINT])


def encode(facts: Any) -> np.ndarray:
    """Makes the array of JSON values that layers store beside their weights."""
    text = json.dumps(facts, sort_keys=True)
    return np.frombuffer(text.encode(), dtype="uint8")


def decode(variable: Any) -> Any:
    """Reads the array of JSON values that layers store beside their weights."""
    return json.loads(np.asarray(variable).tobytes().decode())


def differences(saved: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Says in words in which facts a file and a network differ, if they do."""
    return "; ".join(
        f"{key} is {saved.get(key)!r} in the file and {wanted.get(key)!r} here"
        for key in sorted(saved.keys() | wanted.keys())
        if saved.get(key) != wanted.get(key)
    )
