"""The last dense layer of a classifier, which knows the names of its classes."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_senet.layers.provenance import decode, encode

NAMES = "class_names"


@keras.saving.register_keras_serializable(package="keras_senet")
class Classifier(keras.layers.Dense):
    """A dense layer whose config carries the class names.

    The names belong to the weights of this layer: they go where it goes (into files,
    clones and sub-networks), and a new head, or other weights, replace them.

    Args:
        units: Integer: the number of classes.
        activation: The classifier activation, `"softmax"` or `None` for logits.
        class_names: A sequence of `units` strings, or `None` if unknown.
        **kwargs: The keywords of `keras.layers.Dense`.

    Raises:
        ValueError: If the number of names is not `units`.

    Example:

    ```python
    head = Classifier(2, activation="softmax", class_names=("cat", "dog"))
    ```
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        class_names: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation=activation, **kwargs)
        self.class_names = class_names

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes in the order of the outputs, or `None`."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        if names is not None and len(names) != self.units:
            raise ValueError(
                f"`class_names` should have one name for each of the {self.units} "
                f"units. Received: {len(names)} names"
            )
        self._class_names = None if names is None else tuple(names)

    def save_own_variables(self, store: Any) -> None:
        """Writes the class names as JSON beside the weights."""
        super().save_own_variables(store)
        if self.class_names is not None:
            store[NAMES] = encode(list(self.class_names))

    def load_own_variables(self, store: Any) -> None:
        """Takes over the class names beside the weights, or that there are none."""
        keys = store.keys()
        stored = {key: store[key] for key in keys}
        names = stored.pop(NAMES, None)
        super().load_own_variables(stored)
        self.class_names = None if names is None else decode(names)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the dense layer and the class names."""
        return {**super().get_config(), "class_names": self.class_names}
