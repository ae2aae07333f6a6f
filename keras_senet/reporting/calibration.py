"""How sure answers were, and how right, as a picture (Guo et al., 2017, figure 1)."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from keras_senet.files import written_whole


def draw_calibration(
    bins: Sequence[Mapping[str, Any]], target: str | os.PathLike
) -> None:
    """Draws a reliability diagram, and how many images each bin has.

    Args:
        bins: With `"from"`, `"to"`, `"count"`, and, where there are images,
            `"accuracy"` and `"confidence"`.
        target: The PNG file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.9), layout="constrained")
    right, counts = figure.subplots(1, 2)
    known = [each for each in bins if each["count"]]
    width = bins[0]["to"] - bins[0]["from"]
    middles = [(each["from"] + each["to"]) / 2 for each in known]
    right.bar(
        middles, [each["accuracy"] for each in known], 0.9 * width, label="accuracy"
    )
    right.plot([0, 1], [0, 1], color="gray", linestyle="--", label="as right as sure")
    right.plot(
        [each["confidence"] for each in known],
        [each["accuracy"] for each in known],
        color="black",
        linestyle="",
        marker="o",
        markersize=4,
        label="mean confidence of a bin",
    )
    right.set(xlabel="Confidence", ylabel="Accuracy", xlim=(0, 1), ylim=(0, 1.02))
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    counts.bar(middles, [each["count"] for each in known], 0.9 * width)
    # A few images in a bin shall be seen beside thousands.
    counts.set(xlabel="Confidence", ylabel="Images", xlim=(0, 1), yscale="symlog")
    counts.set_ylim(bottom=0)
    for axes in (right, counts):
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    with written_whole(target) as path:
        figure.savefig(path, dpi=120, format="png")
