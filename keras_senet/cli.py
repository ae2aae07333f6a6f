"""The command line: parse, call, print."""

import argparse
import io
import math
import os
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from keras_senet.errors import InputError, near_matches
from keras_senet.version import __version__

FORMATS = ("saved_model",)
# Enough real images to see a difference, few enough to be quick.
PARITY_IMAGES = 64


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Instead of those of the process.

    Returns:
        The exit code: 0, or 2 after a one-line error about the input.
    """
    # TensorFlow's start-up messages hide our own; a user's setting wins.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parsed = parser().parse_args(arguments)
    # Diagrams have lines that not every terminal can write.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        parsed.command(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads our output has seen enough; nor can Python's last flush go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except InputError as error:
        print(f"keras-senet: error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(
            f"keras-senet: error: {error.name} is not installed. Install what "
            'this command needs: pip install "keras_senet[all]"',
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("\nkeras-senet: interrupted", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="keras-senet",
        description="Squeeze-and-Excitation networks: train, evaluate, export.",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[Any], None], text: str) -> Any:
        sub = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}."
        )
        sub.set_defaults(command=run)
        return sub

    _train_options(command("train", train, "train a network and export it"))
    sub = command("evaluate", evaluate, "print the exact test accuracy of a run")
    sub.add_argument("run", metavar="RUN", help="the run's folder")
    sub = command("export", export, "export a run's best model, proven equal")
    sub.add_argument("run", metavar="RUN", help="the run's folder")
    sub.add_argument(
        "--format",
        nargs="+",
        choices=FORMATS,
        default=list(FORMATS),
        help="what to write (default: saved_model)",
    )
    command("list", list_networks, "list the networks and what they cost")
    sub = command("summary", summary, "draw the blocks of a network")
    sub.add_argument("name", metavar="NAME", help="network, see `keras-senet list`")
    sub.add_argument(
        "--plot",
        nargs="?",
        const="",
        metavar="FILE",
        help="draw a picture, too (NAME.png)",
    )
    return top


def _train_options(sub: argparse.ArgumentParser) -> None:
    # Without defaults, so that --resume can tell what was asked for.
    options: list[tuple[str, Any, str, str]] = [
        ("model", str, "NAME", "network, see `keras-senet list` (se_resnet20)"),
        (
            "data",
            str,
            "DATA",
            "`digits`, a folder with a sub-folder of images for each class, or a "
            "name of TensorFlow Datasets (digits)",
        ),
        ("image-size", int, "PIXELS", "side of the images (the data's or network's)"),
        ("epochs", int, "N", "passes over the training images (20)"),
        ("batch-size", int, "N", "images in a step, over all devices (32)"),
        ("learning-rate", float, "RATE", "the highest learning rate (0.05)"),
        ("reduction", _reduction, "R", "reduction ratio, or `none` without SE (16)"),
        ("seed", int, "N", "of weights, order and augmentation (0)"),
    ]
    for name, kind, metavar, text in options:
        sub.add_argument(
            f"--{name}",
            type=kind,
            metavar=metavar,
            default=argparse.SUPPRESS,
            help=text,
        )
    sub.add_argument("--out", metavar="DIR", help="run folder (runs/MODEL-DATA)")
    sub.add_argument(
        "--devices",
        type=int,
        metavar="N",
        help="how many GPUs, or logical CPU devices where there is none (all GPUs, "
        "or one CPU)",
    )
    existing = sub.add_mutually_exclusive_group()
    existing.add_argument(
        "--overwrite", action="store_true", help="replace the run in --out"
    )
    existing.add_argument(
        "--resume", action="store_true", help="continue the run in --out"
    )
    sub.add_argument(
        "--no-export", action="store_true", help="do not export at the end"
    )


def _reduction(text: str) -> int | None:
    return None if text.lower() == "none" else int(text)


def train(options: argparse.Namespace) -> None:
    """Trains, prints the accuracy, and exports."""
    from keras_senet.training.loop import train as run_training
    from keras_senet.training.recipe import Recipe
    from keras_senet.training.run import open_run

    names = [field.name for field in fields(Recipe)]
    given = {name: getattr(options, name) for name in names if hasattr(options, name)}
    if os.path.isdir(given.get("data", "")):
        # So that the run can be evaluated from another folder.
        given["data"] = os.path.abspath(given["data"])
    recipe = Recipe(**given)
    out = options.out or _default_out(recipe)
    if options.resume:
        recipe = replace(open_run(out).read_recipe(), **given)
    record = run_training(
        recipe,
        out,
        devices=options.devices,
        overwrite=options.overwrite,
        resume=options.resume,
    )
    for split, metrics in record["metrics"].items():
        print(
            f"{split.capitalize()} accuracy {metrics['accuracy']:.4f} "
            f"({metrics['top1']} of {metrics['count']})"
        )
    print(f"Best epoch {record['best_epoch']} of {recipe.epochs}, run in {out}")
    if not options.no_export:
        _export_saved_model(out)


def _default_out(recipe: Any) -> str:
    data = os.path.basename(os.path.normpath(recipe.data)).replace(":", "-")
    return os.path.join("runs", f"{recipe.model}-{data}")


def evaluate(options: argparse.Namespace) -> None:
    """Prints the test accuracy of a run's best model, every image counted once."""
    from keras_senet.training.loop import check_backend, measure_best, open_data
    from keras_senet.training.run import open_run

    check_backend()
    run = open_run(options.run)
    test = {"test": open_data(run).test}
    results = measure_best(run, test, run.read_recipe().batch_size)
    print(f"Test accuracy {results['test']}")


def export(options: argparse.Namespace) -> None:
    """Exports a run's best model in the formats asked for."""
    _export_saved_model(options.run)


def _export_saved_model(path: str) -> None:
    from keras_senet.data.pipeline import evaluation_batches
    from keras_senet.export import to_saved_model
    from keras_senet.training.loop import check_backend, open_data
    from keras_senet.training.run import open_run

    check_backend()
    run = open_run(path)
    test = open_data(run).test
    model = run.read_best()
    count = min(test.count, PARITY_IMAGES)
    batches = evaluation_batches(test, size=model.input_shape[1], batch_size=count)
    images = next(iter(batches))[0].numpy()
    report = to_saved_model(model, run.exports / "saved_model", images)
    print(
        f"SavedModel in {report.path}: probabilities of {report.images} test images "
        f"differ from the Keras model's by at most {report.largest_difference:.1e}"
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


if __name__ == "__main__":
    sys.exit(main())
