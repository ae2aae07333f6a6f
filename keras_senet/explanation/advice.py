"""Which blocks a network can do without, with the evidence (conference, section 6.3).

The paper removes the blocks of the last stage at a loss of less than 0.1 points of
top-1 (section 4), and finds their gates to be much alike for all classes. Here each
block is taken out by itself, and the accuracy is measured again on the same images.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.explanation.latency import Ratio, compiled, time_ratio
from keras_senet.explanation.outcomes import Change, Outcomes, change, outcomes
from keras_senet.models.removal import removal

Batches = Iterable[tuple[Any, Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What it costs, and saves, to do without some blocks.

    Attributes:
        blocks: Their names.
        change: Of the answers.
        parameters: How many the network has less.
        share: Of its parameters that these are.
        scales: Blocks whose constant gate could not be folded away.
        ratio: Of the time of a call, if it was measured.
    """

    blocks: tuple[str, ...]
    change: Change
    parameters: int
    share: float
    scales: tuple[str, ...] = ()
    ratio: Ratio | None = None


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Which blocks can go, and what was measured.

    Attributes:
        count: Images it was measured on.
        right: Of these the network has right as it is.
        may_lose: How much accuracy may be lost for what is advised, in percentage
            points.
        constant: For each block, what it costs to replace its gates by their means.
        dropped: For each block, what it costs to replace its gates by one.
        together: All blocks that can be made constant at once; `None` if there is
            none.
        held_out: How that changes the answers to images that were not asked before, if
            there are any.
    """

    count: int
    right: int
    may_lose: float
    constant: Mapping[str, Cost]
    dropped: Mapping[str, Cost]
    together: Cost | None
    held_out: Change | None = None


class Study:
    """Takes blocks out of a network, and measures it on the same images each time.

    Args:
        model: A functional model with `SqueezeExcite` blocks that answers with class
            probabilities.
        batches: Makes the batches `(images, labels, weights)` anew at each call.
        gates: For each block that may go, the mean of its gates for each channel.
        probabilities: From the network's answers to class probabilities.

    Raises:
        InputError: If there are no images.
    """

    def __init__(
        self,
        model: keras.Model,
        batches: Callable[[], Batches],
        gates: Mapping[str, Any],
        *,
        probabilities: Callable[[np.ndarray], np.ndarray] = np.asarray,
    ) -> None:
        self.model, self.batches, self.gates = model, batches, gates
        self._probabilities = probabilities
        self._compiled = compiled(model)
        self.before = self._measured(self._compiled)
        self._one = self._an_image()

    def cost(
        self, blocks: Sequence[str], *, constant: bool = True, timed: bool = False
    ) -> Cost:
        """Measures the network without some of its blocks.

        Args:
            blocks: Their names.
            constant: Whether the means of their gates stay, folded into weights;
                otherwise the gates are one.
            timed: Whether to time it, too.

        Returns:
            What it costs and saves.
        """
        reduced, scales = self._reduced(blocks, constant)
        saved = self.model.count_params() - reduced.count_params()
        answer = compiled(reduced)
        ratio = time_ratio(self._compiled, answer, self._one) if timed else None
        return Cost(
            blocks=tuple(blocks),
            change=change(self.before, self._measured(answer)),
            parameters=saved,
            share=saved / self.model.count_params(),
            scales=scales,
            ratio=ratio,
        )

    def on_others(
        self, blocks: Sequence[str], batches: Callable[[], Batches]
    ) -> Change:
        """The change on other images than those that chose the blocks."""
        reduced, _ = self._reduced(blocks, constant=True)
        before = self._measured(self._compiled, batches)
        return change(before, self._measured(compiled(reduced), batches))

    def _reduced(
        self, blocks: Sequence[str], constant: bool
    ) -> tuple[keras.Model, tuple[str, ...]]:
        gates = {name: self.gates[name] for name in blocks} if constant else None
        reduced, found = removal(self.model, list(blocks), gates=gates)
        scales = tuple(name for name in blocks if found[name].how == "kept")
        return reduced, scales

    def _measured(
        self,
        answer: Callable[[Any], Any],
        batches: Callable[[], Batches] | None = None,
    ) -> Outcomes:
        def predict(images: Any) -> np.ndarray:
            return self._probabilities(answer(images))

        return outcomes(predict, (batches or self.batches)())

    def _an_image(self) -> np.ndarray:
        for images, _, _ in self.batches():
            return np.asarray(images[:1])
        raise InputError("There are no images to measure on.")


def advise(
    study: Study,
    *,
    may_lose: float = 0.5,
    held_out: Callable[[], Batches] | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Advice:
    """Finds the blocks that a network can do without.

    Every block is taken out by itself, in both ways. Then the blocks are made constant
    one after the other, the cheapest first, and each one stays so if the accuracy of
    all together is still good enough.

    Args:
        study: The network, its images and its gates.
        may_lose: How much accuracy may be lost, in percentage points.
        held_out: Makes batches of other images, to see whether the choice holds there.
        told: Is called with the name of each block before it is measured.

    Returns:
        The advice and what it stands on.

    Raises:
        InputError: If `may_lose` is no number of points.
    """
    check_points(may_lose)
    constant, dropped = {}, {}
    for name in study.gates:
        told(name)
        constant[name] = study.cost([name], timed=True)
        dropped[name] = study.cost([name], constant=False)
    chosen: list[str] = []
    ranked = sorted(constant.values(), key=_rank)
    for each in ranked:
        told(f"without {len(chosen) + 1}")
        together = study.cost([*chosen, *each.blocks])
        if together.change.points >= -may_lose:
            chosen += each.blocks
    # In the order of the network.
    chosen = [name for name in study.gates if name in chosen]
    before = study.before
    return Advice(
        count=len(before.right),
        right=int(before.right.sum()),
        may_lose=may_lose,
        constant=constant,
        dropped=dropped,
        together=study.cost(chosen, timed=True) if chosen else None,
        held_out=study.on_others(chosen, held_out) if chosen and held_out else None,
    )


def check_points(may_lose: float) -> None:
    """Refuses what is no number of percentage points.

    Raises:
        InputError: If it is not from 0 to 100.
    """
    if not 0 <= may_lose <= 100:
        raise InputError(
            f"may_lose should be from 0 to 100 points. Received: may_lose={may_lose}"
        )


def _rank(cost: Cost) -> tuple[float, float]:
    """The cheapest first: by images, then by cross entropy."""
    return -cost.change.points, cost.change.cross_entropy
