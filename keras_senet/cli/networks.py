"""The commands about networks: list, summary."""

import argparse
import math
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError, near_matches


def add(commands: Commands) -> None:
    """Adds the commands."""
    commands.add("list", list_networks, "list the networks and what they cost")
    sub = commands.add("summary", summary, "draw the blocks of a network")
    sub.add_argument("name", metavar="NAME", help="network, see `keras-senet list`")
    sub.add_argument(
        "--plot",
        nargs="?",
        const="",
        metavar="FILE",
        help="draw a picture, too (NAME.png)",
    )


def list_networks(options: argparse.Namespace) -> None:
    """Prints every network with its costs, and the published ones beside them."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from keras_senet.benchmark.macs import count_macs
    from keras_senet.models.families import NETWORKS, SPECS
    from keras_senet.models.published import PUBLISHED, Published

    # Narrow enough for a terminal of 80 columns: a cut number is none.
    columns = ("trainable", "published", "MACs", "published", "input")
    table = Table("network", *columns, box=SIMPLE, padding=(0, 1, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    for name in NETWORKS:
        model = _without_weights(name)
        published = PUBLISHED.get(name, Published())
        table.add_row(
            name,
            f"{sum(math.prod(w.shape) for w in model.trainable_weights):,}",
            published.parameters or "-",
            _scaled(count_macs(model)),
            published.macs or "-",
            str(SPECS[name].size),
        )
    print(
        "Trainable parameters, multiply-accumulate operations of one image, and what "
        "is\npublished of both; input in pixels. See `keras-senet summary NAME`."
    )
    Console().print(table)


def _scaled(macs: int) -> str:
    return f"{macs / 1e9:.3f} G" if macs >= 1e9 else f"{macs / 1e6:.1f} M"


def summary(options: argparse.Namespace) -> None:
    """Draws the blocks of a network."""
    from rich.console import Console

    from keras_senet.benchmark.macs import count_macs
    from keras_senet.diagram.text import table
    from keras_senet.models.families import NETWORKS, SPECS

    if options.name not in NETWORKS:
        raise InputError(
            f"There is no network {options.name}. "
            f"{near_matches(options.name, NETWORKS)}"
        )
    model = _without_weights(options.name)
    if options.plot is not None:
        from keras_senet.diagram.picture import save_picture

        # First, so that a file that cannot be written is the only answer.
        path = options.plot or f"{options.name}.png"
        save_picture(model, path)
    print(
        f"{options.name}: {model.count_params():,} parameters, {count_macs(model):,} "
        f"multiply-accumulate operations at {SPECS[options.name].size} pixels"
    )
    Console().print(table(model))
    if options.plot is not None:
        print(f"Drawn in {path}")


def _without_weights(name: str) -> Any:
    """A network of which only the shapes are needed, so that none is drawn."""
    import keras

    from keras_senet.models.families import NETWORKS

    with keras.StatelessScope(initialize_variables=False):
        return NETWORKS[name](weights=None)
