"""A folder of images, one sub-folder a class."""

import os
from collections.abc import Iterable
from pathlib import Path

from keras_senet.data.indexed import Indexed
from keras_senet.data.source import Source, fingerprint, stratified
from keras_senet.errors import InputError

NOT_IMAGES = ("thumbs.db", "desktop.ini")
# What people call the folders of a data set that is split already.
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def folder(path: str | os.PathLike, split_seed: int = 0) -> Source:
    """Reads a folder with one sub-folder of images for each class.

    If all its sub-folders are called `train`, `validation` (or `val`) and `test`,
    the classes are within those, and the splits are as they are; without `test`
    there is none. What else is missing is taken from `train`, stratified by class:
    10 % for the validation; and 20 % for the test, where there is no `validation`
    either. No image is opened: `keras-senet data check` does that.

    Args:
        path: The folder. The sub-folders of classes, in alphabetical order, are the
            classes; images may lie deeper in them. Hidden files are left out.
        split_seed: Another one chooses other images for validation and test.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such folder, it has fewer than two classes, or a
            class has too few images.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}.")
    entries = _sub_folders(root)
    given = {SPLITS[e.name.lower()]: e for e in entries if e.name.lower() in SPLITS}
    if "train" not in given or len(given) < len(entries):
        given = {"train": root}
    classes = tuple(entry.name for entry in _sub_folders(given["train"]))
    if len(classes) < 2:
        raise InputError(
            f"{given['train']} should have a sub-folder of images for each of two or "
            f"more classes; it has {len(classes)} sub-folders."
        )
    # Each class wants images in the training set, and in what is taken from it.
    wanted = 1 + sum(name not in given for name in ("validation", "test"))
    least = 1 if "validation" in given else wanted
    splits = {
        name: _listed(entry, classes, least=least if name == "train" else 0)
        for name, entry in given.items()
    }
    if "validation" not in splits:
        splits |= _divided(splits["train"], split_seed, with_test="test" not in splits)
    return Source(
        name=str(root),
        class_names=classes,
        fingerprint=fingerprint(*_relative(root, splits)),
        train=splits["train"],
        validation=splits["validation"],
        test=splits.get("test"),
    )


def visible_files(root: Path) -> list[str]:
    """All files below a folder but hidden ones and those of file managers, sorted."""
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if _visible(name)]
        found += [os.path.join(place, name) for name in files if _visible(name)]
    return sorted(found)


def _visible(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in NOT_IMAGES


def _sub_folders(root: Path) -> list[Path]:
    return sorted(e for e in root.iterdir() if e.is_dir() and _visible(e.name))


def _listed(root: Path, classes: tuple[str, ...], least: int) -> Indexed:
    """The images of one split, which may lack a class but have no other one."""
    import numpy as np

    other = [e.name for e in _sub_folders(root) if e.name not in classes]
    if other:
        raise InputError(
            f"{root} has classes that the training images do not have: "
            f"{', '.join(other[:5])}."
        )
    files: list[str] = []
    counts = []
    for name in classes:
        found = visible_files(root / name) if (root / name).is_dir() else []
        if len(found) < least:
            raise InputError(
                f"Class folder {root / name} has {len(found)} images; training, and "
                f"what is split off for validation and test, need at least {least}."
            )
        counts.append(len(found))
        files += found
    if not files:
        raise InputError(
            f"{root} has no images in sub-folders of the training classes "
            f"({', '.join(classes[:3])}, ...)."
        )
    for file in files:
        try:
            file.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"{file!r} has a name that is not UTF-8; rename it."
            ) from error
    return Indexed(names=files, labels=np.repeat(np.arange(len(classes)), counts))


def _divided(images: Indexed, seed: int, *, with_test: bool) -> dict[str, Indexed]:
    """Training images, divided into training, validation and perhaps test."""
    train, validation, test = stratified(images.labels, seed)
    parts = {"train": train, "validation": validation, "test": test}
    if not with_test:
        parts = {"train": sorted(train + test), "validation": validation}
    return {
        name: Indexed(
            names=[images.names[index] for index in part], labels=images.labels[part]
        )
        for name, part in parts.items()
    }


def _relative(root: Path, splits: dict[str, Indexed]) -> Iterable[str]:
    for name, images in sorted(splits.items()):
        yield name
        yield from (str(file).removeprefix(str(root)) for file in images.names)
