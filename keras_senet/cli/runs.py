"""The commands about runs: train, evaluate, export."""

import argparse
import os
from dataclasses import fields, replace
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.data.augmentation import AUGMENTATIONS
from keras_senet.errors import InputError

FORMATS = ("saved_model",)
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


def _train_options(sub: argparse.ArgumentParser) -> None:
    # Without defaults, so that --resume can tell what was asked for.
    options: list[tuple[str, Any, str, str]] = [
        ("model", str, "NAME", "network, see `keras-senet list` (se_resnet20)"),
        (
            "data",
            str,
            "DATA",
            "`digits`, a folder with a sub-folder of images for each class (perhaps "
            "within train, validation and test), a folder of `keras-senet data pack`, "
            "or a name of TensorFlow Datasets (digits)",
        ),
        ("image-size", int, "PIXELS", "side of the images (the data's or network's)"),
        ("epochs", int, "N", "passes over the training images (20)"),
        ("batch-size", int, "N", "images in a step, over all devices (32)"),
        ("learning-rate", float, "RATE", "the highest learning rate (0.05)"),
        ("reduction", _reduction, "R", "reduction ratio, or `none` without SE (16)"),
        (
            "augmentation",
            str,
            "NAME",
            f"random changes of the images: {', '.join(AUGMENTATIONS)} (the data's "
            "own; or paper, and cifar below 96 pixels)",
        ),
        ("on-bad-image", str, "POLICY", "raise, or skip what cannot be read (raise)"),
        ("split-seed", int, "N", "of a folder's validation and test images (0)"),
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
    sub.add_argument(
        "--balanced",
        action="store_true",
        default=argparse.SUPPRESS,
        help="sample each class equally often, as the conference paper does",
    )
    sub.add_argument(
        "--cache",
        action="store_true",
        default=argparse.SUPPRESS,
        help="keep the images, as they are stored, in memory",
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
    if record["bad_images"]:
        print(f"Left out {len(record['bad_images'])} bad images, see record.json")
    if not options.no_export:
        _export_saved_model(out)


def _default_out(recipe: Any) -> str:
    data = os.path.basename(os.path.normpath(recipe.data)).replace(":", "-")
    return os.path.join("runs", f"{recipe.model}-{data}")


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
    bad = BadImages(run.read_recipe().on_bad_image)
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
    recipe = replace(recipe, batch_size=min(images.count, PARITY_IMAGES))
    size, bad = model.input_shape[1], BadImages(recipe.on_bad_image)
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
