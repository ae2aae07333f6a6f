"""The commands about runs: train, evaluate, export."""

import argparse
import os
import shlex
import signal
import sys
from dataclasses import replace
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.data.augmentation import AUGMENTATIONS
from keras_senet.errors import InputError

FORMATS = ("saved_model",)
RECIPE_NAMES = (
    "digits",
    "paper",
    "release",
    "senet154",
    "modern",
    "cifar",
    "finetune",
)
# Enough real images to see a difference, few enough to be quick.
PARITY_IMAGES = 64


def add(commands: Commands) -> None:
    """Adds the commands."""
    _train_options(commands.add("train", train, "train a network and export it"))
    sub = commands.add(
        "evaluate",
        evaluate,
        "print the exact test accuracy of a run, or that of a published checkpoint",
    )
    sub.add_argument(
        "run",
        metavar="RUN_OR_TAG",
        help="a run's folder, or with --data a tag of `keras-senet weights list`",
    )
    sub.add_argument(
        "--data",
        metavar="DIR",
        help="for a tag: ImageNet's validation images, a sub-folder for each class, "
        "named by its synset (n01440764, ...)",
    )
    sub.add_argument(
        "--larger",
        action="store_true",
        help="for a tag: the published test on larger images",
    )
    sub.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="for a tag (32)"
    )
    sub = commands.add("export", export, "export a run's best model, proven equal")
    sub.add_argument("run", metavar="RUN", help="the run's folder")
    sub.add_argument(
        "--format",
        nargs="+",
        choices=FORMATS,
        default=list(FORMATS),
        help="what to write (default: saved_model)",
    )


# Short names of fields of the recipe.
SHORT = {
    "model": ("model.name", "NAME", "network, see `keras-senet list`"),
    "weights": ("model.weights", "NAME", "what to begin with, such as `imagenet`"),
    "reduction": ("model.reduction", "R", "reduction ratio, or `none` without SE"),
    "data": (
        "data.name",
        "DATA",
        "`digits`, a folder with a sub-folder of images for each class (perhaps within "
        "train, validation and test), a folder of `keras-senet data pack`, or a name "
        "of TensorFlow Datasets",
    ),
    "image-size": ("data.image_size", "PIXELS", "side of the images"),
    "batch-size": ("data.batch_size", "N", "images in a step, over all devices"),
    "on-bad-image": ("data.on_bad_image", "POLICY", "raise, or skip what is no image"),
    "split-seed": ("data.split_seed", "N", "of a folder's validation and test images"),
    "epochs": ("schedule.epochs", "N", "passes over the training images"),
    "freeze-until": (
        "finetuning.freeze_until",
        "STAGE",
        "train from this stage on: stage2, ..., or head",
    ),
    "precision": ("compute.precision", "POLICY", "float32, mixed_bfloat16, ..."),
    "seed": ("seed", "N", "of weights, order and augmentation"),
}
SHORT_FLAGS = {
    "balanced": ("data.balanced", "sample each class equally often"),
    "class-weights": ("data.class_weights", "weigh each class equally in the loss"),
    "cache": ("data.cache", "keep the images, as they are stored, in memory"),
}


def _train_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--recipe",
        metavar="RECIPE",
        default=argparse.SUPPRESS,
        help=f"one of {', '.join(RECIPE_NAMES)}, or a YAML or Python file (digits)",
    )
    sub.add_argument(
        "--print-recipe",
        action="store_true",
        help="print it as YAML, and stop",
    )
    sub.add_argument("--out", metavar="DIR", help="run folder (runs/MODEL-DATA)")
    sub.add_argument(
        "--devices",
        type=int,
        metavar="N",
        help="how many GPUs, or logical CPU devices where there is none (all GPUs, "
        "or one CPU)",
    )
    sub.add_argument(
        "--workers",
        metavar="HOST:PORT,...",
        help="addresses of all processes of a run on several machines, the same in "
        "each (those of TF_CONFIG)",
    )
    sub.add_argument(
        "--worker", type=int, metavar="N", help="number of this process, from 0"
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
    short = sub.add_argument_group("short names", "of fields of the recipe")
    short.add_argument(
        "--augmentation",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help=f"random changes of the images: {', '.join(AUGMENTATIONS)}",
    )
    short.add_argument(
        "--learning-rate",
        metavar="RATE",
        default=argparse.SUPPRESS,
        help="optimizer.learning_rate, not scaled to the batch",
    )
    for name, (field, metavar, text) in SHORT.items():
        short.add_argument(
            f"--{name}",
            metavar=metavar,
            default=argparse.SUPPRESS,
            help=f"{field}: {text}",
        )
    for name, (field, text) in SHORT_FLAGS.items():
        short.add_argument(
            f"--{name}",
            action="store_true",
            default=argparse.SUPPRESS,
            help=f"{field}: {text}",
        )
    sub.add_argument(
        "--fields", action="store_true", help="list all fields of a recipe, and stop"
    )
    sub.epilog = (
        "Any field of the recipe is an option, too, such as --optimizer.momentum 0.8; "
        "`keras-senet train --fields` lists them."
    )


def _overrides(options: argparse.Namespace) -> list[str]:
    """What the short names, and those with dots, ask for."""
    words = []
    for name, (field, *_) in {**SHORT, **SHORT_FLAGS}.items():
        value = getattr(options, name.replace("-", "_"), None)
        if value is not None:
            if value is True:
                value = "true"
            elif value.lower() == "none":
                value = "null"
            elif name == "data" and os.path.exists(value):
                # So that the run can be resumed and evaluated from another folder.
                value = os.path.abspath(value)
            words += [f"--{field}={value}"]
    if hasattr(options, "learning_rate"):
        words += [f"--optimizer.learning_rate={options.learning_rate}"]
        words += ["--optimizer.per_batch=null"]
    return words + options.fields_given


def train(options: argparse.Namespace) -> int | None:
    """Trains a network and exports it."""
    from keras_senet.training.recipe_text import recipe_yaml

    if options.fields:
        _print_fields()
        return None
    if options.resume and not options.out and hasattr(options, "recipe"):
        raise InputError("Say which run is to be resumed: --out DIR.")
    recipe = _recipe(options)
    if options.print_recipe:
        print(recipe_yaml(recipe), end="")
        return None
    return _train(recipe, options)


def _recipe(options: argparse.Namespace) -> Any:
    """The recipe that was asked for, or that of the run that is resumed."""
    from dataclasses import asdict

    from keras_senet.training.recipe import Recipe
    from keras_senet.training.recipe_text import load_recipe, recipe_from
    from keras_senet.training.run import open_run

    words = _overrides(options)
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
    return recipe_from(values, words)


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
            _export_saved_model(out)
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


def evaluate(options: argparse.Namespace) -> None:
    """Prints the accuracy of a run's best model, or of a published checkpoint."""
    from keras_senet.weights.catalog import list_weights

    if options.data is not None:
        _evaluate_checkpoint(options)
        return
    if options.run in {row.tag for row in list_weights()}:
        raise InputError(f"The checkpoint {options.run} wants --data DIR.")
    from keras_senet.data.bad_images import BadImages
    from keras_senet.training.checks import check_backend
    from keras_senet.training.data import open_data
    from keras_senet.training.loop import measure_best
    from keras_senet.training.run import open_run

    check_backend()
    run = open_run(options.run)
    name, images = _measured(open_data(run))
    bad = BadImages(run.read_recipe().data.on_bad_image)
    results = measure_best(run, {name: images}, bad)
    print(f"{name.capitalize()} accuracy {results[name]}")
    if bad.found:
        print(f"Left out {len(bad.found)} bad images")


def _measured(source: Any) -> tuple[str, Any]:
    """The images that measure a result: the test's, where there are any."""
    if source.test is None:
        return "validation", source.validation
    return "test", source.test


def export(options: argparse.Namespace) -> None:
    """Exports a run's best model in the formats asked for."""
    _export_saved_model(options.run)


def _export_saved_model(path: str) -> None:
    from keras_senet.data.bad_images import BadImages
    from keras_senet.export import to_saved_model
    from keras_senet.training.checks import check_backend
    from keras_senet.training.data import exact_batches, open_data
    from keras_senet.training.run import open_run

    check_backend()
    run = open_run(path)
    name, images = _measured(open_data(run))
    model, recipe = run.read_best(), run.read_recipe()
    data = replace(recipe.data, batch_size=min(images.count, PARITY_IMAGES))
    recipe = replace(recipe, data=data)
    size, bad = model.input_shape[1], BadImages(recipe.data.on_bad_image)
    with bad.named():
        batch = next(iter(exact_batches(recipe, images, size, bad)))
    pixels = batch[0].numpy().astype("float32")
    report = to_saved_model(model, run.exports / "saved_model", pixels)
    print(
        f"SavedModel in {report.path}: probabilities of {report.images} {name} images "
        f"differ from the Keras model's by at most {report.largest_difference:.1e}"
    )


def _evaluate_checkpoint(options: argparse.Namespace) -> None:
    from keras_senet.evaluation.published import measure_checkpoint
    from keras_senet.weights.catalog import checkpoint

    row = checkpoint(options.run)
    measured = measure_checkpoint(
        row, options.data, larger=options.larger, batch_size=options.batch_size
    )
    stated = row.larger if options.larger and row.larger else row
    print(f"Top-1 accuracy {_percent(measured.top1, measured.count, stated.top1)}")
    print(f"Top-5 accuracy {_percent(measured.top5, measured.count, stated.top5)}")


def _percent(right: int, count: int, published: float | None) -> str:
    known = "" if published is None else f", published {published} % on all 50000"
    return f"{100 * right / count:.3f} % ({right} of {count}{known})"
