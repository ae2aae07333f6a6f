"""What the gates of a network do on a data set, measured and written to a folder."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.evaluation.excitation import measure_gates
from keras_senet.evaluation.gate_choices import chosen_blocks, chosen_names
from keras_senet.evaluation.gate_figures import draw_gates, draw_saturation, draw_within
from keras_senet.evaluation.gate_files import write_gates_csv, write_gates_npz
from keras_senet.evaluation.gate_statistics import Excitation
from keras_senet.explanation.advice import Advice, Study, advise
from keras_senet.files import written_whole
from keras_senet.layers import gates
from keras_senet.models.constants import name_blocks
from keras_senet.models.copying import with_nested
from keras_senet.models.graph import Graph
from keras_senet.models.removal import remove_squeeze_excite

Batches = Iterable[tuple[Any, Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images to explain a network by.

    Attributes:
        batches: Makes the batches `(images, labels, weights)` anew at each call.
        name: What they are called in files.
        class_names: Of the labels.
        outputs: The network's output for each label.
    """

    batches: Callable[[], Batches]
    name: str
    class_names: Sequence[str]
    outputs: np.ndarray

    def answered(self) -> Batches:
        """The batches, with labels that are the network's outputs."""
        for images, labels, weights in self.batches():
            yield images, self.outputs[np.asarray(labels)], weights


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What figures show.

    Attributes:
        blocks: Names of blocks; `None` takes the paper's choice.
        classes: Names of classes; `None` takes some.
        channels: How many channels of a block, uniformly sampled; `None` is all.
    """

    blocks: Sequence[str] | None = None
    classes: Sequence[str] | None = None
    channels: int | None = 50

    def check(self, model: keras.Model, class_names: Sequence[str]) -> None:
        """Refuses names that nothing has, before anything is measured.

        Raises:
            InputError: If there is no such block or class.
            ValueError: If the model has no block.
        """
        chosen_blocks(gates(model).output, self.blocks)
        if self.classes is not None:
            chosen_names(class_names, self.classes)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What was found out about a network.

    Attributes:
        images: Name of the images.
        held_out: Name of the images that the advice was tried on, if there are any.
        excitation: The gates by class.
        advice: Which blocks can go; `None` if nobody asked.
        bad_images: What is wrong with each image that was left out, by name.
    """

    images: str
    held_out: str | None
    excitation: Excitation
    advice: Advice | None
    bad_images: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All but the gates themselves as JSON values."""
        found = self.excitation
        closed = found.closed_channels(found.near_zero)
        return {
            "images": self.images,
            "held_out": self.held_out,
            "count": found.count,
            "classes_without_images": list(found.missing_classes),
            "near_zero": found.near_zero,
            "near_one": found.near_one,
            "blocks": found.summary(),
            "closed_channels": {x: indices.tolist() for x, indices in closed.items()},
            "advice": self.advice and asdict(self.advice),
            "bad_images": dict(self.bad_images),
        }


def explain(
    model: keras.Model,
    images: Images,
    *,
    held_out: Images | None = None,
    with_advice: bool = True,
    may_lose: float = 0.5,
    probabilities: Callable[[np.ndarray], np.ndarray] = np.asarray,
    told: Callable[[str], None] = lambda text: None,
) -> Explanation:
    """Measures the gates of a network, and what it costs to do without them.

    Args:
        model: A functional model with `SqueezeExcite` blocks.
        images: What to measure on.
        held_out: Other images to try the advice on.
        with_advice: Whether to take blocks out and measure again.
        may_lose: How much accuracy may be lost, in percentage points.
        probabilities: From the network's answers to class probabilities.
        told: Is called with a few words before each step.

    Returns:
        What was found.

    Raises:
        InputError: If `may_lose` is no number of points.
        ValueError: If the model has no block, or there are no images.
    """
    told("gates")
    excitation = measure_gates(model, images.batches(), images.class_names)
    advice = None
    if with_advice:
        study = Study(
            model,
            images.answered,
            constant_gates(model, excitation),
            probabilities=probabilities,
        )
        others = None if held_out is None else held_out.answered
        advice = advise(study, may_lose=may_lose, held_out=others, told=told)
    return Explanation(
        images=images.name,
        held_out=held_out.name if held_out and advice and advice.held_out else None,
        excitation=excitation,
        advice=advice,
    )


def constant_gates(model: keras.Model, excitation: Excitation) -> dict[str, np.ndarray]:
    """Constants for the gates of each block: their means.

    Args:
        model: The network.
        excitation: Its gates.

    Returns:
        From each block to a number for each channel. A block that is called several
        times has one constant, the mean over all calls, under its first name.
    """
    named = name_blocks(model, {id(x): Graph(x) for x in with_nested(model)})
    calls: dict[int, list[str]] = {}
    for name, block in named.items():
        calls.setdefault(id(block), []).append(name)
    means = excitation.mean_gates()
    return {
        names[0]: np.mean([means[name] for name in names], axis=0)
        for names in calls.values()
    }


def write_explanation(
    explanation: Explanation, folder: Path, shown: Shown | None = None
) -> None:
    """Writes figures and numbers to a folder, each file whole.

    `explanation.json` has what `Explanation.to_dict` says, and `gates.csv` and
    `gates.npz` the gates by class.

    Args:
        explanation: What was found.
        folder: Where to.
        shown: What the figures show.

    Raises:
        InputError: If a class that is to be shown has no images.
    """
    # Numbers first: figures may want a class that has no images.
    write_gates_npz(explanation.excitation, folder / "gates.npz")
    write_gates_csv(explanation.excitation, folder / "gates.csv")
    with written_whole(folder / "explanation.json") as path:
        text = json.dumps(explanation.to_dict(), indent=2) + "\n"
        path.write_text(text, encoding="utf-8")
    draw_figures(explanation, folder, shown)


def draw_figures(
    explanation: Explanation, folder: Path, shown: Shown | None = None
) -> None:
    """Draws `gates.png`, `within.png` and `saturation.png`.

    Args:
        explanation: What was found.
        folder: Where to.
        shown: What they show.

    Raises:
        InputError: If a class that is to be shown has no images.
    """
    shown = shown or Shown()
    found, classes = explanation.excitation, shown.classes
    drawn: dict[str, Any] = {"blocks": shown.blocks, "channels": shown.channels}
    draw_gates(found, folder / "gates.png", classes=classes, **drawn)
    # Of more than two, the bands would hide each other.
    two = classes and classes[:2]
    draw_within(found, folder / "within.png", classes=two, **drawn)
    draw_saturation(found, folder / "saturation.png")


def apply_advice(model: keras.Model, explanation: Explanation) -> keras.Model:
    """Makes the network in which the gates are constant that can be.

    Args:
        model: The network that was explained.
        explanation: With an advice, and blocks that can go.

    Returns:
        A copy without these blocks.
    """
    advice = explanation.advice
    if advice is None or advice.together is None:
        raise ValueError("`explanation` should have blocks that can be made constant.")
    means = constant_gates(model, explanation.excitation)
    blocks = list(advice.together.blocks)
    return remove_squeeze_excite(
        model, blocks, gates={name: means[name] for name in blocks}, name=model.name
    )
