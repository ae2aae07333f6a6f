"""The options of `keras-senet train`."""

import argparse

from keras_senet.data.augmentation import AUGMENTATIONS

RECIPE_NAMES = (
    "digits",
    "paper",
    "release",
    "senet154",
    "modern",
    "cifar",
    "finetune",
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


def add_options(sub: argparse.ArgumentParser) -> None:
    """Adds the options of `keras-senet train` to its parser."""
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
    sub.add_argument(
        "--fields", action="store_true", help="list all fields of a recipe, and stop"
    )
    sub.epilog = (
        "Any field of the recipe is an option, too, such as --optimizer.momentum 0.8; "
        "`keras-senet train --fields` lists them."
    )
    _add_short(sub)


def _add_short(sub: argparse.ArgumentParser) -> None:
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


def overrides(options: argparse.Namespace) -> list[str]:
    """What the short names, and those with dots, ask for.

    Args:
        options: What was parsed.

    Returns:
        Options with the names of fields.
    """
    words = []
    for name, (field, *_) in {**SHORT, **SHORT_FLAGS}.items():
        value = getattr(options, name.replace("-", "_"), None)
        if value is not None:
            if value is True:
                value = "true"
            elif value.lower() == "none":
                value = "null"
            words += [f"--{field}={value}"]
    if hasattr(options, "learning_rate"):
        words += [f"--optimizer.learning_rate={options.learning_rate}"]
        words += ["--optimizer.per_batch=null"]
    return words + options.fields_given
