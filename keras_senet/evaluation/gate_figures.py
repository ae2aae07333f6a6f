"""Pictures of the gates of a network by class (conference, figure 8)."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_senet.evaluation.gate_choices import (
    block_title,
    chosen_blocks,
    chosen_classes,
    class_label,
    spread,
)
from keras_senet.evaluation.gate_statistics import Excitation
from keras_senet.files import written_whole

DOTS_PER_INCH = 120


def draw_gates(
    excitation: Excitation,
    path: str | os.PathLike,
    *,
    blocks: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    channels: int | None = 50,
) -> None:
    """Draws the mean gates of some classes and of all images, as figure 8.

    Args:
        excitation: What was measured.
        path: The PNG file to write.
        blocks: The blocks to draw. `None` takes the last one of each stage and all
            of the last stage, as the paper does.
        classes: The names of at most ten classes. `None` takes the paper's goldfish,
            pug, plane and cliff if they were measured, and else up to six.
        channels: How many channels of each block to draw, uniformly sampled. `None`
            draws all.

    Raises:
        InputError: If there is no such block or class, or it has no images.

    Example:

    ```python
    from keras_senet.evaluation.excitation import measure_gates

    batches = evaluation_batches(source.test, size=32, batch_size=64)
    excitation = measure_gates(model, batches, source.class_names)
    draw_gates(excitation, "gates.png", classes=["0", "7"])
    ```
    """
    names = chosen_blocks(excitation.blocks, blocks)
    indices = chosen_classes(excitation, classes)
    figure, panels = _panels(excitation, names)
    for axes, name in zip(panels, names, strict=True):
        block = excitation.blocks[name]
        sample = spread(block.channels, channels)
        for color, index in zip(_colors(), indices, strict=False):
            axes.plot(
                sample,
                block.mean[index, sample],
                color=color,
                linewidth=1.2,
                label=class_label(excitation.class_names[index]),
            )
        axes.plot(
            sample,
            block.overall_mean[sample],
            color="black",
            linewidth=1.6,
            linestyle=(0, (3, 1.5)),
            label="all",
        )
    _finish(figure, panels, "Mean gate", path)


def draw_within(
    excitation: Excitation,
    path: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    blocks: Sequence[str] | None = None,
    channels: int | None = 50,
) -> None:
    """Draws the mean gates of two classes with a band of one standard deviation.

    Args:
        excitation: What was measured.
        path: The PNG file to write.
        classes: The names of the classes. `None` takes the first two of those that
            `draw_gates` takes.
        blocks: The blocks to draw, as in `draw_gates`.
        channels: How many channels to draw, as in `draw_gates`.

    Raises:
        InputError: If there is no such block or class, or it has no images.

    Example:

    ```python
    from keras_senet.evaluation.excitation import measure_gates

    batches = evaluation_batches(source.test, size=32, batch_size=64)
    excitation = measure_gates(model, batches, source.class_names)
    draw_within(excitation, "within.png", classes=["0", "7"])
    ```
    """
    names = chosen_blocks(excitation.blocks, blocks)
    indices = chosen_classes(excitation, classes)
    if classes is None:
        indices = indices[:2]
    figure, panels = _panels(excitation, names)
    for axes, name in zip(panels, names, strict=True):
        block = excitation.blocks[name]
        sample = spread(block.channels, channels)
        for color, index in zip(_colors(), indices, strict=False):
            mean = block.mean[index, sample]
            deviation = block.deviation[index, sample]
            label = class_label(excitation.class_names[index])
            axes.plot(sample, mean, color=color, linewidth=1.2, label=label)
            axes.fill_between(
                sample,
                mean - deviation,
                mean + deviation,
                color=color,
                alpha=0.25,
                linewidth=0,
            )
    _finish(figure, panels, "Gate, mean ± deviation", path)


def draw_saturation(excitation: Excitation, path: str | os.PathLike) -> None:
    """Draws, over the depth, how saturated gates are and how much of the class.

    Args:
        excitation: What was measured.
        path: The PNG file to write.

    Example:

    ```python
    from keras_senet.evaluation.excitation import measure_gates

    batches = evaluation_batches(source.test, size=32, batch_size=64)
    draw_saturation(
        measure_gates(model, batches, source.class_names), "saturation.png"
    )
    ```
    """
    from matplotlib.figure import Figure

    rows = excitation.summary()
    places = np.arange(len(rows))
    figure = Figure(
        figsize=(min(max(7, 0.28 * len(rows)), 18), 4.2), layout="constrained"
    )
    axes = figure.subplots()
    below, above = excitation.near_zero, excitation.near_one
    lines = (
        ("near_zero", f"gates below {below:g}", "v", "-"),
        ("near_one", f"gates above {above:g}", "^", "-"),
        ("share_between", "variance that lies between classes", "o", "--"),
    )
    for color, (column, label, marker, style) in zip(_colors(), lines, strict=False):
        axes.plot(
            places,
            [100 * row[column] for row in rows],
            color=color,
            marker=marker,
            linestyle=style,
            label=label,
        )
    axes.set_xticks(
        places,
        [block_title(row["block"]) for row in rows],
        rotation=90 if len(rows) > 8 else 0,
        fontsize=8,
    )
    axes.set(ylim=(-3, 103), ylabel="Share (%)", xlabel="Block, from image to classes")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, fontsize=9, frameon=False)
    with written_whole(path) as whole:
        figure.savefig(whole, dpi=DOTS_PER_INCH, format="png")


def _colors() -> Any:
    from matplotlib import colormaps

    return colormaps["tab10"].colors  # type: ignore[attr-defined]


def _panels(excitation: Excitation, names: Sequence[str]) -> tuple[Any, list[Any]]:
    """A figure with a panel for each block, in up to three columns."""
    from matplotlib.figure import Figure

    columns = 1 if len(names) == 1 else 2 if len(names) in (2, 4) else 3
    lines = math.ceil(len(names) / columns)
    figure = Figure(
        figsize=(max(4.2 * columns, 6), 2.5 * lines + 0.4), layout="constrained"
    )
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in panels[len(names) :]:
        axes.remove()
    panels = panels[: len(names)]
    chosen = [excitation.blocks[name] for name in names]
    # Sigmoid gates lie within 0 and 1, those of other activations need not.
    low = min(0.0, *(float(block.lowest.min()) for block in chosen))
    high = max(1.0, *(float(block.highest.max()) for block in chosen))
    margin = 0.03 * (high - low)
    for axes, name, block in zip(panels, names, chosen, strict=True):
        axes.set_title(block_title(name), fontsize=10)
        axes.set_xlim(-0.5, max(block.channels - 0.5, 0.5))
        axes.set_ylim(low - margin, high + margin)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    for axes in panels[-columns:]:
        axes.set_xlabel("Channel", fontsize=9)
    return figure, panels


def _finish(figure: Any, panels: list[Any], label: str, path: Any) -> None:
    """Adds what all panels share, and writes the figure."""
    for axes in panels:
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(label, fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    # In inches, about: a line and its gaps, and the letters of the longest name.
    width = 0.6 + 0.085 * max(map(len, labels))
    lines = math.ceil(len(labels) / max(1, int(figure.get_figwidth() / width)))
    figure.set_figheight(figure.get_figheight() + 0.2 * lines)
    legend = figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=math.ceil(len(labels) / lines),
        fontsize=9,
        frameon=False,
    )
    for text in legend.get_texts():
        # Dollar signs of names are no formulas.
        text.set_parse_math(False)
    with written_whole(path) as whole:
        figure.savefig(whole, dpi=DOTS_PER_INCH, format="png")
