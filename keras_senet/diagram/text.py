"""Block diagrams as text."""

from collections.abc import Sequence

import keras
from rich.table import Table

from keras_senet.diagram.structure import Block, Chain, Fork, blocks

LEGEND = (
    "kernel/stride channels; SE: channels-hidden-channels; normalization, ReLU and "
    "padding are not drawn"
)


def table(model: keras.Model) -> Table:
    """Draws a network of this package as a table of its blocks.

    Args:
        model: The network.

    Returns:
        A table for `rich.console.Console`.
    """
    columns = ("block", "what it does", "output", "parameters")
    drawn = Table(*columns, show_lines=True, caption=LEGEND)
    drawn.columns[1].overflow = "fold"
    for column in drawn.columns[2:]:
        column.justify = "right"
    for block in blocks(model):
        drawn.add_row(
            block.name,
            "\n".join(lines(block.chain)),
            shape(block.output),
            count(block),
        )
    return drawn


def shape(output: Sequence[int | None]) -> str:
    """A shape as people write it."""
    return "x".join("?" if side is None else str(side) for side in output)


def count(block: Block) -> str:
    """Parameters of a block, and how often it occurs."""
    times = f"{block.repeats} times " if block.repeats > 1 else ""
    return f"{times}{block.parameters:,}"


def lines(chain: Chain) -> list[str]:
    """Draws a chain: the branches of its forks below one another.

    Args:
        chain: What a block does.

    Returns:
        One line for each branch, and one for what stands between the forks.
    """
    drawn: list[str] = []
    waiting: list[str] = []
    for item in chain:
        if isinstance(item, str):
            waiting.append(item)
            continue
        if waiting:
            drawn.append(" · ".join(waiting))
        last = len(item.branches) - 1
        for index, branch in enumerate(item.branches):
            corner = "┌" if index == 0 else "└" if index == last else "├"
            drawn.append(f"{corner} {inline(branch)}")
        waiting = [item.merge]
    if waiting:
        drawn.append(" · ".join(waiting))
    return drawn


def inline(chain: Chain) -> str:
    """Writes a chain on one line, forks in parentheses.

    Args:
        chain: What a branch does.

    Returns:
        The line; `"identity"` for an empty chain.
    """
    parts = []
    for item in chain:
        if isinstance(item, Fork):
            branches = " | ".join(map(inline, item.branches))
            parts.append(f"({branches}) {item.merge}")
        else:
            parts.append(item)
    return " · ".join(parts) or "identity"
