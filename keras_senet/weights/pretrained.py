"""A file of weights and what it is, and loading it into a network."""

import re
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

from keras_senet.layers import Classifier, provenance
from keras_senet.models.spec import NetworkSpec
from keras_senet.weights.checkpoint import Checkpoint
from keras_senet.weights.classes import imagenet_classes
from keras_senet.weights.keras_file import network_layers, provenance_of
from keras_senet.weights.layouts import VECTOR
from keras_senet.weights.names import Dialect, dialect, spoken
from keras_senet.weights.port import port
from keras_senet.weights.rule import Rule
from keras_senet.weights.tensors import TensorFile

# Layers of the tops of our networks, and all layers of our networks.
TOP = ("predictions/", "fc1/", "fc2/")
OURS = re.compile(r"((stem|head|stage\d+_block\d+)_.*|predictions|fc\d)/.*")


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A file of weights that a network shall have.

    Attributes:
        path: The file.
        file: Its tensors.
        row: The published checkpoint that it is, if it is one.
        facts: What `Provenance` says of its network, if we wrote the file.
        checkpoint: Which checkpoint its network carries, if we wrote the file.
        class_names: The names of its classes, if it has them.
    """

    path: Path
    file: TensorFile
    row: Checkpoint | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    checkpoint: dict[str, Any] | None = None
    class_names: tuple[str, ...] | None = None

    def adopted(self, spec: NetworkSpec, variant: str | None) -> NetworkSpec:
        """The spec of a network, with what the weights alone can say.

        Args:
            spec: The spec as asked for.
            variant: The dialect that was asked for explicitly.

        Returns:
            The spec, in the dialect of the weights.

        Raises:
            ValueError: If what was asked for contradicts published weights. (Our
                own files are compared fact by fact when they are loaded.)
        """
        if not self.facts:
            return adopted(self.publisher(spec), spec, variant, str(self.path))
        known = self.facts.get("variant") if spec.variant else None
        relu_before = bool(self.facts.get("relu_before"))
        return replace(
            spec,
            variant=variant or known or spec.variant,
            se=replace(spec.se, relu_before=relu_before),
        )

    def publisher(self, spec: NetworkSpec) -> Dialect:
        """The dialect of the names in the file."""
        if self.row is not None:
            return dialect(self.row.dialect)
        found = spoken(self.file.tensors, spec)
        if found is None:
            names = list(self.file.tensors)
            raise ValueError(
                "`weights` should be of this network, by names of timm, Cadene, "
                "mmpretrain, moskomule, the authors' Caffe networks or "
                "`classification_models`. Received: "
                f"weights={self.path} with {len(names)} tensors such as "
                f"{', '.join(names[:3])}"
            )
        return found

    def left_out(self) -> list[str]:
        """The layers with weights in a file of ours that are none of its network."""
        if self.file.format not in ("keras", "weights.h5"):
            return []
        names = {name.partition("/")[0] for name in self.file.tensors if not ours(name)}
        return sorted(names | set(self.file.facts.get("left_out", ())))

    def load(self, model: keras.Model, spec: NetworkSpec, skip_mismatch: bool) -> None:
        """Loads the weights into a network.

        Args:
            model: The network.
            spec: Its spec, adopted.
            skip_mismatch: Whether layers of other shapes keep their values.

        Raises:
            ValueError: If they do not fit.
        """
        mark = provenance_of(model)
        if self.facts and (what := provenance.differences(self.facts, mark.facts)):
            raise ValueError(
                f"`weights` should belong to the network as it is built: {what}. Pass "
                "the arguments that the file was made with. Received: "
                f"weights={self.path}"
            )
        rules, leftover = self._rules(model, spec)
        skipped = port(
            self.file,
            rules,
            network_layers(model),
            leftover=leftover,
            skip_mismatch=skip_mismatch,
        )
        # With random layers inside, it is that checkpoint no more.
        if skipped <= {"predictions"}:
            carries = self.checkpoint if self.row is None else carried(self.row)
            mark.checkpoint = carries
        if self.row is None and not self.facts:
            self._warn(self.publisher(spec))
        if "predictions" not in skipped:
            self._name_classes(model)

    def _warn(self, publisher: Dialect) -> None:
        if publisher.caveat is not None:
            warnings.warn(
                f"{self.path} is none of the published files: {publisher.caveat}.",
                stacklevel=4,
            )

    def _rules(
        self, model: keras.Model, spec: NetworkSpec
    ) -> tuple[list[Rule], Callable[[str], bool]]:
        """The rules for the file's names, and which names are known leftovers."""
        include_top = any(isinstance(layer, Classifier) for layer in model.layers)
        if self.file.format in ("keras", "weights.h5"):
            # Keras numbers the weights of a layer where we name them.
            named = self.file.format == "keras"
            rules = [
                Rule(
                    f"{layer.name}/{weight.name}",
                    (f"{layer.name}/{weight.name if named else index}",),
                    VECTOR,
                )
                for layer in network_layers(model)
                for index, weight in enumerate(layer.weights)
            ]
            return (
                rules,
                lambda name: (
                    not ours(name) or (not include_top and name.startswith(TOP))
                ),
            )
        publisher = self.publisher(spec)
        return (
            list(publisher.rules(spec, include_top)),
            lambda name: publisher.leftover(name, include_top),
        )

    def _name_classes(self, model: keras.Model) -> None:
        names = self.class_names
        if self.row is not None:
            names = tuple(name for _, name in imagenet_classes())
        for head in (x for x in model.layers if isinstance(x, Classifier)):
            if names is not None and head.units == len(names):
                head.class_names = names


def adopted(
    publisher: Dialect, spec: NetworkSpec, variant: str | None, weights: str
) -> NetworkSpec:
    """The spec of a network as a publisher has it.

    Args:
        publisher: Who published the weights.
        spec: The spec as asked for.
        variant: The dialect that was asked for explicitly.
        weights: What to call the weights in an error.

    Returns:
        The spec, in the publisher's dialect.

    Raises:
        ValueError: If what was asked for contradicts the weights.
    """
    wanted = publisher.adopted(spec)
    if variant is not None and wanted.variant not in (None, variant):
        raise ValueError(
            f"`variant` should be None or {wanted.variant!r}, the dialect of these "
            f"weights. Received: variant={variant!r}, weights={weights}"
        )
    se = spec.se
    for argument, value, published in (
        ("use_bias", se.use_bias, publisher.use_bias),
        ("squeeze", se.squeeze, "avg"),
        ("gate_activation", se.gate_activation, "sigmoid"),
        ("se_placement", se.placement, "standard"),
    ):
        if se.reduction is not None and value != published:
            raise ValueError(
                f"`{argument}` should be {published!r}, as in the network of these "
                f"weights. Received: {argument}={value!r}, weights={weights}"
            )
    return wanted


def ours(name: str) -> bool:
    """Whether a tensor, by the name of its layer, is of a network of ours."""
    return OURS.fullmatch(name) is not None


def carried(row: Checkpoint) -> dict[str, Any]:
    """What a network says that carries a published checkpoint."""
    return {"tag": row.tag, "input": asdict(row.input)}
