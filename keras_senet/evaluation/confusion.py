"""The confusion matrix as a picture."""

import os
import textwrap
from typing import Any

import numpy as np

from keras_senet.evaluation.metrics import Metrics
from keras_senet.files import written_whole

# Up to here numbers in the cells, and names at the axes, can be read.
NUMBERED, NAMED = 25, 60
# Longer names would leave no room for the matrix.
LONGEST = 24
# Pixels of a cell where there are many.
LEAST = 1.5


def plot_confusion(metrics: Metrics, title: str, target: str | os.PathLike) -> None:
    """Draws which classes are taken for which.

    The color is the share of a row: of the images of a class. Small shares are drawn
    stronger than they are, so that rare mistakes can be seen.

    Args:
        metrics: What was counted.
        title: What stands above the picture.
        target: The PNG file to write.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    count = len(metrics.outputs)
    side = min(max(5.0, 0.42 * count), 11.0)
    figure = Figure(figsize=(side + 1.5, side), layout="constrained")
    axes = figure.subplots()
    images = metrics.class_counts[:, np.newaxis]
    shares = np.ma.masked_invalid(
        np.where(images > 0, metrics.confusion / np.maximum(images, 1), np.nan)
    )
    axes.set_facecolor("0.9")
    drawn = axes.imshow(
        shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest"
    )
    figure.colorbar(drawn, label="Share of the class's images", shrink=0.8)
    _label(axes, metrics)
    if count <= NUMBERED:
        _number(axes, metrics.confusion, shares)
    axes.set(xlabel="Predicted class", ylabel="True class")
    # Paths may hold dollar signs, which are no formulas, and no place to break.
    lines = textwrap.fill(title, int(10 * side))
    figure.suptitle(lines, fontsize=11, parse_math=False)
    with written_whole(target) as path:
        figure.savefig(path, dpi=max(120, LEAST * count / (0.75 * side)))


def _label(axes: Any, metrics: Metrics) -> None:
    """Names at the axes, or where there are too many, numbers of the outputs."""
    from matplotlib.ticker import MaxNLocator

    count = len(metrics.outputs)
    if count <= NAMED:
        names = [
            name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
            for name in metrics.class_names
        ]
        words = {"parse_math": False, "fontsize": 9 if count <= NUMBERED else 7}
        upright = max(map(len, names)) <= 2
        axes.set_xticks(range(count), names, rotation=0 if upright else 90, **words)
        axes.set_yticks(range(count), names, **words)
        return
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(10, integer=True))
        axis.set_major_formatter(
            lambda place, _: (
                str(metrics.outputs[int(place)]) if 0 <= place < count else ""
            )
        )


def _number(axes: Any, confusion: np.ndarray, shares: Any) -> None:
    small = 9 if len(confusion) <= 12 else 6
    for (row, column), number in np.ndenumerate(confusion):
        if number:
            dark = shares[row, column] > 0.4
            axes.text(
                column,
                row,
                str(number),
                ha="center",
                va="center",
                fontsize=small,
                color="white" if dark else "black",
            )
