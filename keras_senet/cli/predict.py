"""The command that tells what is on a photograph."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError


def add(commands: Commands) -> None:
    """Adds the command."""
    sub = commands.add("predict", predict, "name the best classes of photographs")
    sub.add_argument(
        "model",
        metavar="MODEL_OR_FILE",
        help="a run's folder, a .keras, .tflite or .onnx file, the folder of a "
        "SavedModel, or a tag of `keras-senet weights list`",
    )
    sub.add_argument("images", nargs="+", metavar="IMAGE", help="photographs")
    sub.add_argument(
        "--top", type=int, default=5, metavar="K", help="how many classes (5)"
    )
    sub.add_argument("--json", action="store_true", help="print JSON")


def predict(options: argparse.Namespace) -> None:
    """Prints the best classes of each photograph, as a table or as JSON."""
    import numpy as np

    from keras_senet.export.predicting import best_classes, read_photograph
    from keras_senet.training.checks import check_backend
    from keras_senet.training.opening import open_model

    if options.top < 1:
        raise InputError(f"--top should be at least 1. Received: {options.top}")
    check_backend()
    predictor = open_model(options.model).predictor
    prepared = predictor.description.preparation
    if prepared is None:
        raise InputError(
            f"{options.model} does not say how a photograph becomes its input."
        )
    # One after the other: their answers do not depend on the company they are in.
    found = []
    for file in options.images:
        pixels = read_photograph(file, prepared)
        (guesses,) = best_classes(predictor, pixels[np.newaxis], options.top)
        found.append((file, guesses))
    if options.json:
        told = [
            {"image": file, "classes": [asdict(guess) for guess in guesses]}
            for file, guesses in found
        ]
        print(json.dumps(told, indent=2))
        return
    _print_table(found)


def _print_table(found: list[tuple[str, Any]]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("image", "class", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("probability", justify="right")
    for file, guesses in found:
        for rank, guess in enumerate(guesses):
            table.add_row(
                "" if rank else escape(file),
                escape(guess.name),
                f"{guess.probability:.4f}",
            )
    Console().print(table)
