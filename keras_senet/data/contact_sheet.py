"""What a network will see, as a picture: before and after the random changes."""

import os
from pathlib import Path
from typing import Any

from keras_senet.data.augmentation import Augmentation
from keras_senet.data.crops import center_crop
from keras_senet.data.decoding import decode
from keras_senet.data.defaults import chosen_augmentation, shorter_side
from keras_senet.data.images import Example, Images, Order
from keras_senet.data.keys import visit_key
from keras_senet.data.source import Source
from keras_senet.data.training_image import mixed, training_image
from keras_senet.errors import InputError
from keras_senet.files import written_whole

CHARACTERS = 16


def save_contact_sheet(
    source: Source,
    path: str | os.PathLike,
    *,
    size: int,
    augmentation: Augmentation | None = None,
    rows: int = 6,
    epochs: int = 6,
    seed: int = 0,
) -> None:
    """Draws training images as they are tested, and as they are in some epochs.

    One row an image, of as many classes as there are rows. The first column is the
    crop of the test, the others are what training without `balanced` makes of the
    image in its first epochs; where images are mixed, those of the rows are.

    Args:
        source: The data set.
        path: The file, in a format of matplotlib's, such as `.png`.
        size: Side of the images, in pixels.
        augmentation: The random changes; `None` takes those of training.
        rows: How many images.
        epochs: How many epochs.
        seed: That of the training.

    Raises:
        InputError: If a number is below one, an image cannot be read, or
            matplotlib does not know the format.
    """
    import tensorflow as tf

    _check(path, size=size, rows=rows, epochs=epochs)
    augmentation = chosen_augmentation(augmentation, source, size)
    images = source.train
    order = Order(seed=seed, balanced=True)
    visits = images.references(order).take(min(rows, images.count))
    examples = [_fetched(images, order, reference) for reference in visits]
    tested = [_shown(example, size) for example in examples]
    labels = tf.stack([example.label for example in examples])
    columns: list[tuple[str, Any, Any]] = [("test", tf.stack(tested), labels)]
    for epoch in range(epochs):
        keys = [
            visit_key(seed, epoch, example.number % images.count)
            for example in examples
        ]
        changed = [
            training_image(example.encoded, size, augmentation, key)
            for example, key in zip(examples, keys, strict=True)
        ]
        classes = len(source.class_names)
        batch = mixed(tf.stack(changed), labels, keys[0], augmentation, classes)
        columns.append((f"epoch {epoch + 1}", *batch))
    _draw(columns, source.class_names, path)


def _check(path: str | os.PathLike, **numbers: int) -> None:
    """Refuses numbers below one and files that are no pictures."""
    from matplotlib.figure import Figure

    for name, value in numbers.items():
        if value < 1:
            raise InputError(f"{name} should be at least 1. Received: {name}={value}")
    known = Figure().canvas.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in known:
        raise InputError(
            f"A contact sheet should be one of {', '.join(sorted(known))}. "
            f"Received: {path}"
        )


def _draw(
    columns: list[tuple[str, Any, Any]],
    class_names: tuple[str, ...],
    path: str | os.PathLike,
) -> None:
    """Writes columns of a title, images, and labels."""
    import tensorflow as tf
    from matplotlib.figure import Figure

    rows = len(columns[0][1])
    figure = Figure(figsize=(1.5 * len(columns), 1.7 * rows), layout="constrained")
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for place, (title, pixels, targets) in enumerate(columns):
        axes[0, place].set_title(title, fontsize=9)
        for row in range(rows):
            axes[row, place].imshow(tf.cast(pixels[row], tf.uint8).numpy())
            axes[row, place].set(xticks=[], yticks=[])
            axes[row, place].set_xlabel(
                _label(targets[row].numpy(), class_names), fontsize=7
            )
    with written_whole(path) as whole:
        figure.savefig(whole, dpi=110)


def _fetched(images: Images, order: Order, reference: Any) -> Example:
    import tensorflow as tf

    try:
        return images.fetch(order, reference)
    except tf.errors.OpError as error:
        raise InputError(f"{images.name(reference)} cannot be read.") from error


def _shown(example: Any, size: int) -> Any:
    """An image as it is tested."""
    import tensorflow as tf

    from keras_senet.data.fault import fault

    try:
        return center_crop(decode(example.encoded), size, shorter=shorter_side(size))
    except tf.errors.OpError as error:
        name = example.name.numpy().decode(errors="replace")
        reason = fault(example.encoded.numpy()) or str(error)
        raise InputError(f"{name}: {reason}") from error


def _label(target: Any, class_names: tuple[str, ...]) -> str:
    """The class, or the two that have the largest shares."""
    if target.ndim == 0:
        return class_names[target][:CHARACTERS]
    best = target.argsort()[::-1][:2]
    shares = [
        f"{class_names[i][:CHARACTERS]} {target[i]:.2f}" for i in best if target[i] > 0
    ]
    return "\n".join(shares)
