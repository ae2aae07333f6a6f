"""The commands about runs: evaluate, export."""

import argparse
from dataclasses import replace
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError

FORMATS = ("saved_model",)
# Enough real images to see a difference, few enough to be quick.
PARITY_IMAGES = 64


def add(commands: Commands) -> None:
    """Adds the commands."""
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
    export_saved_model(options.run)


def export_saved_model(path: str) -> None:
    """Exports a run's best model as a SavedModel, and says how equal it is.

    Args:
        path: The run's folder.
    """
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
