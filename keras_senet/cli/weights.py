"""The commands about published weights: weights list, fetch, convert, verify."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError


def add(commands: Commands) -> None:
    """Adds the commands."""
    group = commands.group("weights", "list, fetch, convert and verify weights")
    sub = group.add("list", list_rows, "list the published checkpoints")
    sub.add_argument(
        "network",
        nargs="?",
        metavar="NETWORK",
        help="only those of a network, see `keras-senet list`",
    )
    sub = group.add("fetch", fetch, "fetch a checkpoint and print where it lies")
    sub.add_argument(
        "tag",
        metavar="TAG",
        help="see `keras-senet weights list`, or hf://owner/name of the hub",
    )
    sub = group.add(
        "convert", convert, "convert a file of weights, whose network is recognized"
    )
    sub.add_argument(
        "source",
        metavar="SOURCE",
        help="a .weights.h5, .keras, safetensors, torch, Caffe or .h5 file, a tag, or "
        "hf://owner/name",
    )
    sub.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="what to write: FILE.weights.h5, or FILE.safetensors with --to timm",
    )
    sub.add_argument(
        "--to",
        choices=("keras", "timm"),
        default="keras",
        help="for this package (default), or with the names of timm",
    )
    sub = group.add(
        "verify",
        verify,
        "verify a checkpoint: its hash, its structure, and its logits",
    )
    sub.add_argument("tag", metavar="TAG", help="see `keras-senet weights list`")
    sub.add_argument(
        "--golden",
        metavar="FILE",
        help="compare with the logits in FILE, or record them there if there is none",
    )


@contextlib.contextmanager
def _said_in_words() -> Iterator[None]:
    """Errors about files of weights are about what the user gave."""
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        raise InputError(str(error)) from error


def list_rows(options: argparse.Namespace) -> None:
    """Prints the published checkpoints."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from keras_senet.weights.catalog import IMAGENET, list_weights

    rows = list_weights(options.network)
    table = Table("weights", "network", box=SIMPLE, padding=(0, 1, 0, 0))
    for column in ("size", "top-1", "top-5"):
        table.add_column(column, justify="right")
    for row in rows:
        star = "*" if row.tag == IMAGENET[row.network] else " "
        table.add_row(
            f"{star}{row.tag}",
            row.network,
            str(row.input.size),
            "-" if row.top1 is None else f"{row.top1:.2f}",
            "-" if row.top5 is None else f"{row.top5:.2f}",
        )
    print(
        'weights="..." takes the name; * is what "imagenet" stands for. Accuracy in %\n'
        "on ImageNet, one center crop of that size in pixels, as published."
    )
    Console().print(table)


def fetch(options: argparse.Namespace) -> None:
    """Fetches a checkpoint."""
    from keras_senet.checkpoints.recognition import recognize

    with _said_in_words():
        path, wanted = _fetched(options.tag)
        network = recognize(path).network
        if wanted not in (None, network):
            raise InputError(
                f"{path} should have weights of {wanted}, but has those of {network}."
            )
    print(path)


def _fetched(source: str) -> tuple[Path, str | None]:
    """The file of a tag or a repository, and the network that it should be of."""
    from keras_senet.weights.catalog import checkpoint
    from keras_senet.weights.files import fetch, fetch_hub

    if source.startswith("hf://"):
        return fetch_hub(source), None
    row = checkpoint(source)
    return fetch(row), row.network


def convert(options: argparse.Namespace) -> None:
    """Converts a file of weights."""
    from keras_senet.checkpoints.conversion import convert
    from keras_senet.models.families import NETWORKS
    from keras_senet.weights.catalog import list_weights

    with _said_in_words():
        source = options.source
        if source.startswith("hf://") or source in {row.tag for row in list_weights()}:
            source, _ = _fetched(source)
        done = convert(source, options.out, to=options.to)
    print(
        f"{done.source.network} by the names of {done.source.publisher}: "
        f"{done.tensors} tensors in {done.path}"
    )
    if done.left_out:
        print(f"Left out, since no part of the network: {', '.join(done.left_out)}")
    if done.images is None:
        print("What images it wants, the source does not say")
    else:
        mean, std = (
            ", ".join(f"{x:g}" for x in done.images[key]) for key in ("mean", "std")
        )
        print(f"Its images: RGB in 0..255, minus ({mean}), over ({std})")
    function = f"keras_senet.{NETWORKS[done.source.network].__name__}"
    arguments = {"weights": str(done.path), **done.source.changed()}
    if done.timm:
        function, arguments = "timm.create_model", done.timm
    listed = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    print(f"Load it with {function}({listed})")


def verify(options: argparse.Namespace) -> None:
    """Verifies a checkpoint."""
    from keras_senet.checkpoints.verification import verify_checkpoint

    with _said_in_words():
        found = verify_checkpoint(options.tag, options.golden)
    published = (
        "as published" if found.published else "NOT verified: its publisher states none"
    )
    print(f"{found.path}: hash {found.digest} ({published})")
    print(f"{found.tensors} tensors, each of them used and set once")
    if found.recorded:
        print(f"Logits recorded in {found.golden}, for want of earlier ones")
    else:
        print(
            f"Logits differ from those in {found.golden} by {found.difference:.1e} of "
            "their standard deviation"
        )
