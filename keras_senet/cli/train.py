"""The command that trains."""

import argparse
import os
import shlex
import signal
import sys
from dataclasses import asdict, replace
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.cli.exports import export_run
from keras_senet.cli.train_options import add_options, overrides
from keras_senet.errors import InputError


def add(commands: Commands) -> None:
    """Adds the command."""
    add_options(commands.add("train", train, "train a network and export it"))


def train(options: argparse.Namespace) -> int | None:
    """Trains a network and exports it."""
    from keras_senet.training.recipe_text import recipe_yaml

    if options.fields:
        _print_fields()
        return None
    recipe = _recipe(options)
    if options.print_recipe:
        print(recipe_yaml(recipe), end="")
        return None
    return _train(recipe, options)


def _recipe(options: argparse.Namespace) -> Any:
    """The recipe that was asked for, or that of the run that is resumed."""
    from keras_senet.training.recipe import Recipe
    from keras_senet.training.recipe_text import load_recipe, recipe_from
    from keras_senet.training.run import open_run

    words = overrides(options)
    if hasattr(options, "recipe"):
        recipe = load_recipe(options.recipe)
    elif options.resume:
        out = options.out or _default_out(recipe_from({}, words))
        recipe = open_run(out).read_recipe()
    else:
        recipe = Recipe()
    values = asdict(recipe)
    if hasattr(options, "augmentation"):
        values["augmentation"] = options.augmentation
    recipe = recipe_from(values, words)
    typed = hasattr(options, "data") and recipe.data.name != "digits"
    if typed and os.path.exists(recipe.data.name):
        # So that the run can be resumed and evaluated from another folder.
        data = replace(recipe.data, name=os.path.abspath(recipe.data.name))
        recipe = replace(recipe, data=data)
    return recipe


def _print_fields() -> None:
    from rich.console import Console
    from rich.table import Table

    from keras_senet.training.recipe_text import option_lines

    table = Table("option", "default", "", box=None, padding=(0, 1, 0, 0))
    for line in option_lines():
        table.add_row(*line)
    Console().print(table)


def _train(recipe: Any, options: argparse.Namespace) -> int | None:
    from keras_senet.training.loop import train as run_training
    from keras_senet.training.session import Restart
    from keras_senet.training.signals import Stopped
    from keras_senet.training.workers import announce, announced

    if (options.workers is None) != (options.worker is None):
        raise InputError("--workers and --worker belong together.")
    if options.workers is not None:
        announce(options.workers, options.worker)
    out = options.out or _default_out(recipe)
    resume = f"keras-senet train --resume --out {shlex.quote(out)}"
    try:
        record = run_training(
            recipe,
            out,
            devices=options.devices,
            overwrite=options.overwrite,
            resume=options.resume,
        )
    except Stopped as stopped:
        print(f"{stopped}; resume with: {resume}", file=sys.stderr)
        return 0 if stopped.signal == signal.SIGTERM else 130
    except Restart:
        print("Other weights are trained now, by a new process.", file=sys.stderr)
        sys.stderr.flush()
        again = [sys.executable, "-m", "keras_senet.cli", "train", "--resume"]
        again += ["--out", out, *(["--no-export"] if options.no_export else [])]
        os.execv(sys.executable, again)
    if announced().writes:
        _print_results(record, out)
        if not options.no_export:
            from keras_senet.export.bundle import Wanted

            export_run(out, Wanted(formats=("saved_model",)))
    return None


def _print_results(record: dict[str, Any], out: str) -> None:
    for split, metrics in record["metrics"].items():
        print(
            f"{split.capitalize()} accuracy {metrics['accuracy']:.4f} "
            f"({metrics['top1']} of {metrics['count']})"
        )
    epochs = len(record["history"])
    print(f"Best epoch {record['best_epoch']} of {epochs}, run in {out}")
    if record["bad_images"]:
        print(f"Left out {len(record['bad_images'])} bad images, see record.json")


def _default_out(recipe: Any) -> str:
    data = os.path.basename(os.path.normpath(recipe.data.name)).replace(":", "-")
    return os.path.join("runs", f"{recipe.model.name}-{data}")
