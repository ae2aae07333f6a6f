"""A folder of images, one sub-folder a class."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from keras_senet.data.source import Source, Split, fingerprint, stratified
from keras_senet.errors import InputError

# What tf.io.decode_image reads; the modes are PIL's for 8-bit grey and RGB.
FORMATS = ("JPEG", "PNG", "BMP", "GIF")
MODES = ("1", "L", "P", "RGB")
NOT_IMAGES = ("thumbs.db", "desktop.ini")
# Training, validation and test want one each.
LEAST_IMAGES = 3


def folder(path: str | os.PathLike) -> Source:
    """Reads a folder with one sub-folder of images for each class.

    Every image is decoded once beforehand, so that a bad one is found before the
    first step and named. The split is stratified by class: 70 % for training,
    10 % for validation, 20 % for the test.

    Args:
        path: The folder. Its sub-folders, in alphabetical order, are the
            classes; images may lie deeper in them. Hidden files are left out.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such folder, it has fewer than two classes, a
            class has fewer than three images, or a file is no image of 8 bits in
            grey or RGB.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}.")
    classes = sorted(
        entry for entry in root.iterdir() if entry.is_dir() and _visible(entry)
    )
    if len(classes) < 2:
        raise InputError(
            f"{root} should have a sub-folder of images for each of two or more "
            f"classes; it has {len(classes)} sub-folders."
        )
    files: list[str] = []
    labels: list[int] = []
    for label, entry in enumerate(classes):
        found = sorted(
            str(file)
            for file in entry.rglob("*")
            if file.is_file()
            and all(map(_visible, (file, *file.relative_to(entry).parents[:-1])))
        )
        if len(found) < LEAST_IMAGES:
            raise InputError(
                f"Class folder {entry} has {len(found)} images; training, validation "
                f"and test need at least {LEAST_IMAGES}."
            )
        files += found
        labels += [label] * len(found)
    with ThreadPoolExecutor() as pool:
        bad = [fault for fault in pool.map(_fault, files) if fault]
    if bad:
        more = f" (and {len(bad) - 1} more such files)" if len(bad) > 1 else ""
        raise InputError(f"{bad[0]}{more}")
    parts = stratified(labels)
    train, validation, test = (
        _split([files[i] for i in part], [labels[i] for i in part]) for part in parts
    )
    relative = [file.removeprefix(str(root)) for file in files]
    return Source(
        name=str(root),
        class_names=tuple(entry.name for entry in classes),
        fingerprint=fingerprint(*relative, *(str(part) for part in parts)),
        train=train,
        validation=validation,
        test=test,
    )


def _visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower() not in NOT_IMAGES


def _fault(file: str) -> str | None:
    """Says what is wrong with an image file, if anything is."""
    import tensorflow as tf
    from PIL import Image

    try:
        file.encode()
    except UnicodeEncodeError:
        return f"{file!r} has a name that is not UTF-8; rename it."
    try:
        with Image.open(file) as image:
            fault = _unsupported(image)
            if fault is None:
                image.load()
        if fault is None:
            # The decoder of the pipeline, which bears other faults than PIL's.
            tf.io.decode_image(Path(file).read_bytes(), channels=3)
    except (OSError, SyntaxError, ValueError, tf.errors.OpError) as error:
        reason = str(error).partition("\n")[0].replace(repr(file), "it")
        return f"{file} cannot be read as an image ({reason}); repair or remove it."
    except Image.DecompressionBombError as error:
        return f"{file} is too large: {error}"
    return fault and f"{file} {fault}"


def _unsupported(image: Any) -> str | None:
    if image.format not in FORMATS:
        return f"is {image.format}; convert it to one of {', '.join(FORMATS)}."
    # Images of 16 bits are opened in modes of 8, only the raw mode tells.
    raw = str(image.tile[0][3]) if image.tile else ""
    if "16" in raw or image.mode.startswith(("I", "F")):
        return "has more than 8 bits a channel; convert it to 8."
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return "has an alpha channel; flatten it onto a background."
    # TensorFlow reads the indices of a BMP's palette as if they were grey levels.
    if image.mode not in MODES or (image.format == "BMP" and image.mode in "1P"):
        return f"has colour mode {image.mode}; convert it to RGB."
    if getattr(image, "n_frames", 1) > 1:
        return f"has {image.n_frames} frames; extract the one you want."
    return None


def _split(files: list[str], labels: list[int]) -> Split:
    def read(file: Any, label: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        encoded = tf.io.read_file(file)
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return tf.ensure_shape(image, (None, None, 3)), label

    def tensors() -> tuple[Any, Any]:
        import tensorflow as tf

        return tf.constant(files), tf.constant(labels, tf.int64)

    def in_order() -> Any:
        import tensorflow as tf

        listed = tf.data.Dataset.from_tensor_slices(tensors())
        return listed.map(read, num_parallel_calls=tf.data.AUTOTUNE)

    def load(index: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        file, label = (tf.gather(tensor, index) for tensor in tensors())
        return read(file, label)

    return Split(count=len(files), in_order=in_order, load=load)
