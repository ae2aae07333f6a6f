"""The dialects of names, and which of them a file speaks."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from keras_senet.models.spec import NetworkSpec, ResidualSpec
from keras_senet.weights.caffe_names import caffe_rules
from keras_senet.weights.keras2_names import keras2_rules
from keras_senet.weights.rule import Rule
from keras_senet.weights.torch_names import CADENE, MMPRETRAIN, MOSKOMULE, TIMM

# Counters that torch keeps beside its statistics.
IGNORED = re.compile(r".*\.num_batches_tracked")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one publisher names tensors.

    Attributes:
        name: The publisher.
        variant: The dialect of the networks that they trained.
        rules: From a spec, and whether it has a classifier, to the rules; none for
            networks that they do not name.
        relu_before: Whether their networks of basic blocks have a ReLU before SE.
        use_bias: Whether their SE has biases.
        classifier: What the names of their classifier begin with.
        caveat: What a person should know whose file is none that was published.
    """

    name: str
    variant: str
    rules: Callable[[NetworkSpec, bool], Iterator[Rule]]
    relu_before: bool = False
    use_bias: bool = True
    classifier: str
    caveat: str | None = None

    def adopted(self, spec: NetworkSpec) -> NetworkSpec:
        """The spec as this publisher has the network."""
        if not isinstance(spec, ResidualSpec):
            return spec
        relu_before = self.relu_before and spec.block == "basic"
        return replace(
            spec,
            variant=self.variant if spec.variant else None,
            se=replace(spec.se, relu_before=relu_before),
        )

    def leftover(self, name: str, include_top: bool) -> bool:
        """Whether a tensor of a file is none of the network's."""
        head = not include_top and name.startswith(f"{self.classifier}.")
        return head or IGNORED.fullmatch(name) is not None


DIALECTS: tuple[Dialect, ...] = (
    Dialect(name="timm", variant="pytorch", rules=TIMM.rules, classifier="fc"),
    Dialect(
        name="cadene",
        variant="caffe",
        rules=CADENE.rules,
        relu_before=True,
        classifier="last_linear",
    ),
    Dialect(
        name="mmpretrain",
        variant="pytorch",
        rules=MMPRETRAIN.rules,
        classifier="head.fc",
    ),
    Dialect(
        name="moskomule",
        variant="pytorch",
        rules=MOSKOMULE.rules,
        use_bias=False,
        classifier="fc",
    ),
    Dialect(name="caffe", variant="caffe", rules=caffe_rules, classifier="classifier"),
    Dialect(
        name="qubvel",
        # The weights are the authors'. The package pads their pool as torch would.
        variant="caffe",
        rules=keras2_rules,
        classifier="dense",
        caveat=(
            "networks of `classification_models` pad the stem's pool on all sides; "
            "the authors, whose weights it publishes, do not, and neither does "
            "variant='caffe', which was built: weights that were trained in that "
            "package give slightly other outputs here (of SE-ResNeXt and SENet-154, "
            "variant='pytorch' is its function: `set_weights` takes them there)"
        ),
    ),
)


def dialect(name: str) -> Dialect:
    """The dialect of this name."""
    return next(each for each in DIALECTS if each.name == name)


def spoken(names: Collection[str], spec: NetworkSpec) -> Dialect | None:
    """The dialect that most names of a file fit, for a network.

    Args:
        names: The names of the tensors in the file.
        spec: What the network looks like.

    Returns:
        The dialect, or `None` if no name fits any.
    """
    known = set(names)
    fits = {
        each.name: len(known & {x for r in each.rules(spec, True) for x in r.sources})
        for each in DIALECTS
    }
    best = max(fits, key=lambda name: fits[name])
    return dialect(best) if fits[best] else None
