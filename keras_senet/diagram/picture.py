"""Block diagrams as pictures, without graphviz."""

import os
from typing import Any

import keras

from keras_senet.diagram.structure import Chain, Fork, blocks
from keras_senet.diagram.text import LEGEND, shape
from keras_senet.errors import InputError
from keras_senet.files import written_whole

# In units of a line's height.
BOX, GAP, CHARACTER = 1.0, 0.6, 0.42
NAME_WIDTH, MARGIN = 9.0, 0.8
INCHES = 0.22
EXCITED, PLAIN, MERGED = "#f6c28b", "#dbe7f3", "#ffffff"


def save_picture(model: keras.Model, path: str | os.PathLike) -> None:
    """Draws a network of this package, from the images down to the classes.

    Args:
        model: The network.
        path: The file, in a format of matplotlib's, such as `.png`.

    Raises:
        InputError: If matplotlib does not know the format, or the file cannot be
            written.
        ModuleNotFoundError: If matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    _check_file(path)

    rows = blocks(model)
    heights = [_size(row.chain)[1] + MARGIN for row in rows]
    reach = NAME_WIDTH + max(_size(row.chain)[0] for row in rows) + 9
    figure = Figure(figsize=(reach * INCHES, (sum(heights) + 3) * INCHES))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, reach)
    axes.set_ylim(-sum(heights) - 1, 2)
    axes.axis("off")
    axes.text(0.5, 1.2, model.name, fontsize=11, weight="bold", va="center")
    axes.text(0.5, 0.4, LEGEND, fontsize=6, va="center")
    top = 0.0
    for row, height in zip(rows, heights, strict=True):
        middle = top - height / 2
        axes.text(0.5, middle, row.name, fontsize=8, va="center")
        end = _draw(axes, row.chain, NAME_WIDTH, middle)
        axes.text(end + 0.4, middle, shape(row.output), fontsize=8, va="center")
        axes.plot([0, reach], [top, top], color="#cccccc", linewidth=0.5)
        top -= height
    try:
        with written_whole(path) as whole:
            figure.savefig(whole, dpi=150, format=_ending(path))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error


def _ending(path: str | os.PathLike) -> str:
    return os.path.splitext(path)[1][1:].lower()


def _check_file(path: str | os.PathLike) -> None:
    from matplotlib.backend_bases import FigureCanvasBase

    known = sorted(FigureCanvasBase.get_supported_filetypes())
    if _ending(path) not in known:
        raise InputError(
            f"The picture's file should have a name that ends in one of "
            f".{', .'.join(known)}. Received: {path}"
        )
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder; the picture needs a file.")


def _box_width(label: str) -> float:
    return max(BOX, len(label) * CHARACTER + 0.4)


def _size(chain: Chain) -> tuple[float, float]:
    """Width and height of a chain."""
    width, height = 0.0, BOX
    for item in chain:
        if isinstance(item, str):
            width += _box_width(item) + GAP
            continue
        sizes = [_size(branch) for branch in item.branches]
        width += max(size[0] for size in sizes) + _box_width(item.merge) + 2.5 * GAP
        height = max(height, _lanes(sizes))
    return width, height


def _lanes(sizes: list[tuple[float, float]]) -> float:
    return sum(height for _, height in sizes) + 0.3 * (len(sizes) - 1)


def _draw(axes: Any, chain: Chain, x: float, y: float) -> float:
    """Draws a chain from left to right and returns where it ends."""
    for item in chain:
        if isinstance(item, Fork):
            x = _draw_fork(axes, item, x, y)
        else:
            x = _draw_box(axes, item, x, y, EXCITED if item[:3] == "SE " else PLAIN)
    return x


def _draw_fork(axes: Any, fork: Fork, x: float, y: float) -> float:
    sizes = [_size(branch) for branch in fork.branches]
    end = x + 1.5 * GAP + max(width for width, _ in sizes)
    top = y + _lanes(sizes) / 2
    for branch, (_, height) in zip(fork.branches, sizes, strict=True):
        lane = top - height / 2
        top -= height + 0.3
        _line(axes, [x, x + GAP, x + GAP], [y, y, lane])
        reached = _draw(axes, branch, x + GAP, lane)
        _line(axes, [reached, end, end], [lane, lane, y])
    return _draw_box(axes, fork.merge, end, y, MERGED)


def _draw_box(axes: Any, label: str, x: float, y: float, color: str) -> float:
    from matplotlib.patches import FancyBboxPatch

    width = _box_width(label)
    _line(axes, [x, x + GAP], [y, y])
    corner = (x + GAP, y - 0.38 * BOX)
    style = "round,pad=0,rounding_size=0.15"
    box = FancyBboxPatch(
        corner, width, 0.76 * BOX, style, facecolor=color, edgecolor="#555555", lw=0.6
    )
    axes.add_patch(box)
    center = x + GAP + width / 2
    axes.text(center, y, label, fontsize=7, ha="center", va="center")
    return x + GAP + width


def _line(axes: Any, xs: list[float], ys: list[float]) -> None:
    axes.plot(xs, ys, color="#555555", linewidth=0.6, zorder=0)
