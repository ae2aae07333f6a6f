"""The command that evaluates."""

import argparse

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError


def add(commands: Commands) -> None:
    """Adds the command."""
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
    from keras_senet.training.exports import measured
    from keras_senet.training.loop import measure_best
    from keras_senet.training.run import open_run

    check_backend()
    run = open_run(options.run)
    name, images = measured(open_data(run))
    bad = BadImages(run.read_recipe().data.on_bad_image)
    results = measure_best(run, {name: images}, bad)
    print(f"{name.capitalize()} accuracy {results[name]}")
    if bad.found:
        print(f"Left out {len(bad.found)} bad images")


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
