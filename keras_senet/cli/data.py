"""The commands about data: show, check, pack."""

import argparse
import os

from keras_senet.cli.commands import Commands
from keras_senet.data.augmentation import AUGMENTATIONS, augmentation
from keras_senet.data.bad_images import POLICIES
from keras_senet.errors import InputError

# A screen holds no more; the report has all.
SHOWN = 20


def add(commands: Commands) -> None:
    """Adds the commands."""
    group = commands.group("data", "look at images, check them, pack them")
    sub = group.add("show", show, "draw what a network will see of the images")
    sub.add_argument("data", metavar="DATA", help="as for `keras-senet train --data`")
    sub.add_argument(
        "--out", metavar="FILE", default="contact_sheet.png", help="(contact_sheet.png)"
    )
    sub.add_argument(
        "--image-size", type=int, metavar="PIXELS", help="(the data's own, or 224)"
    )
    sub.add_argument(
        "--augmentation",
        metavar="NAME",
        help=f"one of {', '.join(AUGMENTATIONS)} (as in training)",
    )
    sub.add_argument("--images", type=int, default=6, metavar="N", help="rows (6)")
    sub.add_argument("--epochs", type=int, default=6, metavar="N", help="columns (6)")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="(0)")

    sub = group.add("check", check, "find images that cannot be read")
    sub.add_argument(
        "data", metavar="DIR", help="a folder of images, or of `keras-senet data pack`"
    )
    sub.add_argument("--report", metavar="FILE", help="write all that was found, JSON")

    sub = group.add("pack", pack, "write a data set into a few large files")
    sub.add_argument("data", metavar="DATA", help="as for `keras-senet train --data`")
    sub.add_argument("out", metavar="DIR", help="folder; an unfinished one goes on")
    sub.add_argument(
        "--shards", type=int, metavar="N", help="files a split (of about 150 MB)"
    )
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="of order (0)")
    sub.add_argument(
        "--split-seed",
        type=int,
        default=0,
        metavar="N",
        help="of a folder's validation and test images (0)",
    )
    sub.add_argument(
        "--on-bad-image",
        choices=POLICIES,
        default="raise",
        help="stop at an image that cannot be read, or leave it out (raise)",
    )


def show(options: argparse.Namespace) -> None:
    """Draws a contact sheet."""
    from keras_senet.data.contact_sheet import save_contact_sheet
    from keras_senet.data.opening import open_source

    asked = options.augmentation and augmentation(options.augmentation)
    source = open_source(options.data)
    save_contact_sheet(
        source,
        options.out,
        size=source.size or 224 if options.image_size is None else options.image_size,
        augmentation=asked or None,
        rows=options.images,
        epochs=options.epochs,
        seed=options.seed,
    )
    print(f"Drawn in {options.out}")


def check(options: argparse.Namespace) -> int:
    """Checks all images of a folder; the exit code is 1 if some are bad."""
    from keras_senet.data.checking import check as check_images
    from keras_senet.data.packed import is_packed, verify

    if is_packed(options.data):
        if options.report:
            raise InputError("A report is of a folder of images, not of a packed one.")
        bad = verify(options.data)
        for file in bad:
            print(f"{file} is not as it was written")
        print(f"{len(bad)} damaged files")
        return 1 if bad else 0
    if not os.path.isdir(options.data):
        raise InputError(f"{options.data} is no folder.")
    report = check_images(options.data)
    for path, reason in report.bad[:SHOWN]:
        print(f"{path}: {reason}")
    if len(report.bad) > SHOWN:
        print(f"... and {len(report.bad) - SHOWN} more")
    for note, count in report.notes.items():
        print(f"{count} images: {note}")
    print(f"{report.checked} images, {len(report.bad)} of them bad")
    if options.report:
        report.write(options.report)
        print(f"Report in {options.report}")
    return 1 if report.bad or not _usable(options.data) else 0


def _usable(path: str) -> bool:
    """Says what training would make of a folder, or why it would refuse it."""
    from keras_senet.data.folder import folder

    try:
        source = folder(path)
    except InputError as error:
        print(f"Not to be trained on: {error}")
        return False
    classes = len(source.class_names)
    for name, images in source.splits.items():
        counts = images.class_counts(classes)
        print(
            f"{name}: {images.count} images of {classes} classes, from "
            f"{counts.min()} to {counts.max()} of each"
        )
    return True


def pack(options: argparse.Namespace) -> None:
    """Packs a data set."""
    from keras_senet.data.opening import open_source
    from keras_senet.data.packing import pack as write_packed

    # So that the same data have the same name when a stopped packing goes on.
    is_path = os.path.exists(options.data)
    data = os.path.abspath(options.data) if is_path else options.data
    index = write_packed(
        open_source(data, options.split_seed),
        options.out,
        shards=options.shards,
        seed=options.seed,
        on_bad_image=options.on_bad_image,
    )
    for name, split in index["splits"].items():
        images = sum(shard["count"] for shard in split["shards"])
        size = sum(shard["bytes"] for shard in split["shards"])
        print(
            f"{name}: {images} images in {len(split['shards'])} files, "
            f"{size / 1e6:.1f} MB"
        )
    for bad in index["skipped"]:
        print(f"Left out {bad['file']}: {bad['reason']}")
    print(f"Train with --data {options.out}")
