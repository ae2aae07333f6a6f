"""One picture of what a network sees in one photograph, and of its gates."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_senet.evaluation.activation_maps import resize_map
from keras_senet.evaluation.gate_choices import block_title, chosen_blocks, spread
from keras_senet.files import written_whole

# In inches: of a figure and the photograph in it, and of a strip of gates.
WIDTH, SIDE, STRIP = 7.0, 2.5, 0.3


def draw_photograph(
    path: str | os.PathLike,
    image: Any,
    maps: Any,
    gates: Mapping[str, np.ndarray] | None = None,
    *,
    classes: Sequence[tuple[str, float]],
    reference: Mapping[str, np.ndarray] | None = None,
    blocks: Sequence[str] | None = None,
    channels: int | None = 100,
    title: str | None = None,
) -> None:
    """Draws a photograph, where each class is seen in it, and its gates.

    Args:
        path: The PNG file to write.
        image: The photograph as the network took it, `(height, width, channels)`
            with one or three channels and values from 0 to 255.
        maps: For each class what `grad_cam` returned.
        gates: From each block to the gate of each channel, from `photo_gates`. With
            `None` there are none below the photograph.
        classes: For each map the name of the class and its probability.
        reference: Gates to compare with, such as `Excitation.mean_gates()`.
        blocks: The blocks to draw. `None` takes the last one of each stage and all
            of the last stage.
        channels: How many channels of each block to draw, uniformly sampled. `None`
            draws all, which may be more than there is room for.
        title: What stands above the picture.

    Raises:
        InputError: If there is no block of such a name.
        ValueError: If the image or the number of maps does not suit.

    Example:

    ```python
    from keras_senet.evaluation.activation_maps import grad_cam, photo_gates

    image = 255 * keras.ops.sigmoid(images[0])
    draw_photograph(
        "explanation.png",
        image,
        grad_cam(model, image, class_index=[3, 7]),
        photo_gates(model, image),
        classes=[("three", 0.8), ("seven", 0.1)],
    )
    ```
    """
    from matplotlib.figure import Figure

    picture = _picture(image)
    if len(maps) != len(classes) or not classes:
        raise ValueError(
            "`maps` and `classes` should be of one length, at least 1. "
            f"Received: {len(maps)} maps, {len(classes)} classes"
        )
    names = () if gates is None else chosen_blocks(gates, blocks)
    width = max(WIDTH, SIDE * (len(maps) + 1) + 0.8)
    heights = [(width - 0.8) / (len(maps) + 1) + 0.7]
    if names:
        heights.append(len(names) * STRIP + 0.9)
    figure = Figure(figsize=(width, sum(heights) + 0.3), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)
    if title:
        # Dollar signs of names are no formulas.
        figure.suptitle(title, fontsize=11, parse_math=False)
    _draw_maps(parts[0, 0], picture, maps, classes)
    if gates is not None:
        _draw_strips(parts[1, 0], names, gates, reference, channels)
    with written_whole(path) as whole:
        figure.savefig(whole, dpi=120, format="png")


def _picture(image: Any) -> np.ndarray:
    picture = np.clip(np.rint(np.asarray(image, "float64")), 0, 255).astype("uint8")
    if picture.ndim != 3 or picture.shape[-1] not in (1, 3):
        raise ValueError(
            "`image` should have the shape (height, width, channels), with one or "
            f"three channels. Received: an array of shape {picture.shape}"
        )
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def _draw_maps(
    figure: Any, picture: np.ndarray, maps: Any, classes: Sequence[tuple[str, float]]
) -> None:
    """The photograph, and one copy under each map, without its colors."""
    places = figure.subplots(1, len(maps) + 1)
    for axes in places:
        axes.set_xticks([])
        axes.set_yticks([])
    places[0].imshow(picture)
    places[0].set_title("photograph", fontsize=9)
    for axes, found, (name, probability) in zip(places[1:], maps, classes, strict=True):
        axes.imshow(picture.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
        drawn = axes.imshow(
            resize_map(found, picture.shape[:2]),
            cmap="inferno",
            alpha=0.6,
            vmin=0,
            vmax=1,
        )
        axes.set_title(_label(name, probability), fontsize=9, parse_math=False)
    bar = figure.colorbar(drawn, ax=places, shrink=0.8, pad=0.01)
    bar.set_label("Grad-CAM, highest = 1", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _label(name: str, probability: float) -> str:
    shown = name if len(name) <= 28 else name[:27] + "…"
    percent = f"{100 * probability:.1f}" if probability >= 0.001 else "< 0.1"
    return f"{shown}\n{percent} %"


def _draw_strips(
    figure: Any,
    names: Sequence[str],
    gates: Mapping[str, np.ndarray],
    reference: Mapping[str, np.ndarray] | None,
    channels: int | None,
) -> None:
    """A strip of gates for each block, and beside it the difference to others."""
    samples = {name: spread(len(gates[name]), channels) for name in names}
    here = [gates[name][samples[name]] for name in names]
    columns = [("gates of this photograph", here, _scale(here))]
    if reference is not None:
        pairs = zip(names, here, strict=True)
        apart = [gate - reference[name][samples[name]] for name, gate in pairs]
        reach = max(float(np.abs(x).max()) for x in apart) or 1.0
        scale = {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
        columns.append(("difference to the mean gates", apart, scale))
    places = figure.subplots(len(names), len(columns), squeeze=False)
    for column, (label, rows, scale) in enumerate(columns):
        for axes, values in zip(places[:, column], rows, strict=True):
            strip = axes.imshow(values[np.newaxis], aspect="auto", **scale)
            axes.set_xticks([])
            axes.set_yticks([])
        places[0, column].set_title(label, fontsize=9)
        places[-1, column].set_xlabel("channels, from first to last", fontsize=8)
        bar = figure.colorbar(
            strip,
            ax=places[:, column].tolist(),
            pad=0.01,
            aspect=max(20, 2 * len(names)),
        )
        bar.ax.tick_params(labelsize=7)
    for axes, name in zip(places[:, 0], names, strict=True):
        drawn, every = len(samples[name]), len(gates[name])
        axes.set_ylabel(
            f"{block_title(name)}\n{drawn} of {every}",
            fontsize=7,
            rotation=0,
            ha="right",
            va="center",
        )


def _scale(rows: Sequence[np.ndarray]) -> dict[str, Any]:
    """Sigmoid gates lie within 0 and 1, those of other activations need not."""
    return {
        "cmap": "viridis",
        "vmin": min(0.0, *(float(x.min()) for x in rows)),
        "vmax": max(1.0, *(float(x.max()) for x in rows)),
    }
