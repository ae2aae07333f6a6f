"""A folder of images, one sub-folder a class."""

import os
from collections.abc import Iterable
from pathlib import Path

from keras_senet.data.indexed import Indexed
from keras_senet.data.listing import sub_folders, visible_files
from keras_senet.data.source import Source, fingerprint, stratified
from keras_senet.errors import InputError

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
    given = _given(root)
    classes = tuple(entry.name for entry in sub_folders(given["train"]))
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


def whole(path: str | os.PathLike) -> tuple[tuple[str, ...], Indexed] | None:
    """Reads a folder with one sub-folder for each class, and divides nothing.

    Args:
        path: The folder. One class will do, and classes may be empty.

    Returns:
        The classes and all images, or `None` if the sub-folders are splits.

    Raises:
        InputError: If there is no such folder, or there are no images in it.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}.")
    if _given(root) != {"train": root}:
        return None
    classes = tuple(entry.name for entry in sub_folders(root))
    if not classes:
        raise InputError(
            f"{root} should have a sub-folder of images for each class; it has no "
            "sub-folder."
        )
    return classes, _listed(root, classes, least=0)


def _given(root: Path) -> dict[str, Path]:
    """The folders of the splits; the folder itself if it is all for training."""
    entries = sub_folders(root)
    named = [entry for entry in entries if entry.name.lower() in SPLITS]
    given = {SPLITS[entry.name.lower()]: entry for entry in named}
    others = [entry.name for entry in entries if entry not in named]
    if len(given) < 2 and (others or "train" not in given):
        # Of these names at most one: a class may be called so.
        return {"train": root}
    if others and {"train", "validation"} <= set(given):
        raise InputError(
            f"{root} has folders of splits ({_names(named)}), and others "
            f"({', '.join(others[:5])}): remove or rename one kind."
        )
    if others:
        return {"train": root}
    if "train" not in given or len(given) < len(named):
        raise InputError(
            f"{root} should have one folder train, and at most one of each other "
            f"split. It has {_names(named)}."
        )
    return given


def _names(entries: list[Path]) -> str:
    return ", ".join(entry.name for entry in entries)


def _listed(root: Path, classes: tuple[str, ...], least: int) -> Indexed:
    """The images of one split, which may lack a class but have no other one."""
    import numpy as np

    other = [e.name for e in sub_folders(root) if e.name not in classes]
    if other:
        raise InputError(
            f"{root} has classes that the training images do not have: "
            f"{', '.join(other[:5])}."
        )
    files: list[str] = []
    counts = []
    for name in classes:
        found = list(visible_files(root / name)) if (root / name).is_dir() else []
        if len(found) < least:
            raise InputError(
                f"Class folder {root / name} has {len(found)} images; training, and "
                f"what is split off for validation and test, need at least {least}."
            )
        counts.append(len(found))
        files += found
    if not files:
        raise InputError(
            f"{root} has no images in sub-folders of the classes "
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
