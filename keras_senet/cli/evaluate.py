"""The command that evaluates."""

import argparse
from typing import TYPE_CHECKING, Any

from keras_senet.cli.commands import Commands
from keras_senet.data.views import PROTOCOLS
from keras_senet.errors import InputError

if TYPE_CHECKING:
    from keras_senet.training.evaluation import Evaluation
    from keras_senet.training.members import Viewing


def add(commands: Commands) -> None:
    """Adds the command."""
    sub = commands.add(
        "evaluate",
        evaluate,
        "count exactly how many images a model, or several together, tell right",
    )
    sub.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="a run's folder, a .keras, .tflite or .onnx file, the folder of a "
        "SavedModel, or a tag of `keras-senet weights list`; of several, the mean of "
        "their probabilities counts",
    )
    sub.add_argument(
        "--data",
        metavar="DATA",
        help="as for `train`; a folder of class folders, such as ImageNet's val, is "
        "taken whole (a run's own test images)",
    )
    sub.add_argument(
        "--split", metavar="S", help="train, validation or test (test, else validation)"
    )
    sub.add_argument(
        "--crop", type=_pixels, metavar="N", help="side of the images (the model's own)"
    )
    sub.add_argument(
        "--resize",
        type=_pixels,
        metavar="N",
        help="what their shorter side is resized to before (the model's own, in "
        "proportion)",
    )
    sub.add_argument(
        "--protocol",
        choices=tuple(PROTOCOLS),
        default="single",
        help="the center; the corners and the center, mirrored, too; those at several "
        "sizes (single)",
    )
    sub.add_argument(
        "--scales",
        type=_pixels,
        nargs="+",
        metavar="N",
        help="for multi-scale, the shorter sides (256 288 320 352 for a crop of 224)",
    )
    sub.add_argument(
        "--larger",
        action="store_true",
        help="for a tag: the published test on larger images",
    )
    sub.add_argument(
        "--batch-size", type=int, metavar="N", help="images at once (the run's, or 32)"
    )
    sub.add_argument(
        "--on-bad-image",
        choices=("raise", "skip"),
        help="what to do about images that cannot be read (as the run, or raise)",
    )
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument(
        "--out",
        metavar="DIR",
        help="write evaluation.json, classes.csv and confusion.png",
    )


def evaluate(options: argparse.Namespace) -> None:
    """Prints what a model, or several together, get right."""
    from keras_senet.training.checks import check_backend
    from keras_senet.training.evaluation import evaluate as run_evaluation
    from keras_senet.training.evaluation_files import check_folder, write_evaluation
    from keras_senet.training.opening import open_model, shared_images
    from keras_senet.weights.catalog import list_weights

    viewing = _viewing(options)
    check_backend()
    tags = {row.tag for row in list_weights()}
    for name in options.models if options.data is None else ():
        # Before it is downloaded.
        if name in tags:
            raise InputError(f"The checkpoint {name} wants --data DATA.")
    if options.out is not None:
        check_folder(options.out)
    models = [open_model(name) for name in options.models]
    found = run_evaluation(
        models,
        shared_images(models, options.data, options.split),
        viewing,
        batch_size=options.batch_size,
        on_bad_image=options.on_bad_image,
    )
    if options.out is not None:
        write_evaluation(found, options.out)
    if options.json:
        print(found.to_json())
        return
    _print(found, options)


def _pixels(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"should be a number of at least 1. Received: {text}"
        )
    return int(text)


def _viewing(options: argparse.Namespace) -> "Viewing":
    from keras_senet.training.members import Viewing

    several = PROTOCOLS[options.protocol].shorter_sides is not None
    if options.scales and not several:
        raise InputError("--scales belongs to --protocol multi-scale.")
    if options.resize and several:
        raise InputError(
            "With --protocol multi-scale, --scales takes the place of --resize."
        )
    return Viewing(
        protocol=options.protocol,
        crop=options.crop,
        resize=options.resize,
        scales=tuple(options.scales) if options.scales else None,
        larger=options.larger,
    )


def _print(found: "Evaluation", options: argparse.Namespace) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    counted, data = found.metrics.accuracy, found.data
    if data["note"]:
        print(f"Note: {data['note']}")
    stated = _stated(options)
    if stated is None:
        split = "" if data["split"] == "all" else f"{data['split'].capitalize()} "
        line = f"{split}accuracy {counted}"
        print(f"{line[0].upper()}{line[1:]}")
    else:
        print(f"Top-1 accuracy {_percent(counted.top1, counted.count, stated.top1)}")
        print(f"Top-5 accuracy {_percent(counted.top5, counted.count, stated.top5)}")
    print(found.how)
    views = found.protocol["views"]
    if views > 1 and (found.protocol["crop"] or 0) >= min(
        found.protocol["shorter_sides"] or (1,)
    ):
        print(
            "Note: crops as large as the shorter side are all the same where images "
            "are square; a larger --resize makes them differ"
        )
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for name, right in (("top-1", counted.top1), ("top-5", counted.top5)):
        share = f"{100 * right / counted.count:.3f} %"
        table.add_row(name, share, f"{right} of {counted.count}")
    calibration = found.metrics.calibration
    table.add_row("cross entropy", f"{counted.cross_entropy:.4f}", "nats")
    table.add_row(
        "calibration error",
        f"{100 * calibration.expected_error:.3f} %",
        f"mean confidence {100 * calibration.mean_confidence:.3f} %",
    )
    Console().print(table)
    if found.bad_images:
        print(f"Left out as bad: {', '.join(found.bad_images)}")
    if options.out is not None:
        print(f"Written to {options.out}")


def _stated(options: argparse.Namespace) -> Any:
    """The row of what was published of this very test, if it is one."""
    from keras_senet.weights.catalog import list_weights

    (first, *others) = options.models
    row = next((row for row in list_weights() if row.tag == first), None)
    other_test = (
        others or options.crop or options.resize or options.protocol != "single"
    )
    if row is None or other_test:
        return None
    return row.larger if options.larger else row


def _percent(right: int, count: int, published: float | None) -> str:
    known = "" if published is None else f", published {published} % on all 50000"
    return f"{100 * right / count:.3f} % ({right} of {count}{known})"
