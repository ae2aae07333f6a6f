"""Where a tensor of ours comes from in a file."""

from dataclasses import dataclass

from keras_senet.weights.layouts import Layout


@dataclass(frozen=True)
class Rule:
    """Where one of our tensors comes from.

    Attributes:
        target: Layer and weight of ours, such as `"stem_conv/kernel"`.
        sources: Names of tensors in the file.
        layout: How they become ours.
    """

    target: str
    sources: tuple[str, ...]
    layout: Layout
