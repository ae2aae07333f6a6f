"""The models of an evaluation: what each is shown, and where its classes are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from keras_senet.data.crops import check_center_crop
from keras_senet.data.defaults import shorter_side
from keras_senet.data.views import Views, protocol, views_of
from keras_senet.errors import InputError
from keras_senet.evaluation.matching import (
    distinct,
    imagenet_synsets,
    match_classes,
)
from keras_senet.export.description import PIXELS, Description, Preparation
from keras_senet.export.predicting import (
    Predictor,
    first_line,
    of_model,
    probabilities,
)
from keras_senet.export.subject import Described
from keras_senet.models.resizing import at_size
from keras_senet.training.opening import Opened
from keras_senet.weights.catalog import list_weights
from keras_senet.weights.checkpoint import Checkpoint


@dataclass(frozen=True, kw_only=True)
class Viewing:
    """How images are shown, where it is not each network's own way.

    Attributes:
        protocol: Name of a row of `PROTOCOLS`.
        crop: Side of each view, in pixels; `None` is each network's own.
        resize: What the shorter side is resized to before; `None` is each network's
            own, and in proportion for another `crop`.
        scales: Several of these, instead of those of the protocol.
        larger: Whether to use the published test on larger images.
    """

    protocol: str = "single"
    crop: int | None = None
    resize: int | None = None
    scales: tuple[int, ...] | None = None
    larger: bool = False


@dataclass(frozen=True, kw_only=True)
class Member:
    """A model of an evaluation.

    Attributes:
        opened: The model.
        views: What it is shown.
        predictor: Takes images of that size.
        order: The output of the model for each class of the evaluation.
    """

    opened: Opened
    views: Views
    predictor: Predictor
    order: np.ndarray

    def answer(self, images: np.ndarray, at_once: int) -> np.ndarray:
        """The mean of the probabilities over the views of images.

        Args:
            images: uint8 array `(images, views, size, size, 3)`.
            at_once: How many views are computed together, at most.

        Returns:
            float64 array `(images, classes)`.
        """
        flat = images.reshape(-1, *images.shape[2:])
        # Parts of one size, since each new one would be compiled.
        step = max(n for n in range(1, at_once + 1) if len(flat) % n == 0)
        parts = [
            probabilities(self.predictor, flat[i : i + step])
            for i in range(0, len(flat), step)
        ]
        found = np.concatenate(parts).reshape(*images.shape[:2], -1)
        return found.mean(axis=1)[:, self.order]


def members(
    models: Sequence[Opened], viewing: Viewing, labels: Sequence[str]
) -> tuple[list[Member], Sequence[str] | None, int]:
    """Prepares the models of an evaluation.

    Args:
        models: At least one. All tell the same classes apart, perhaps in another
            order.
        viewing: How images are shown.
        labels: The names of the data set's classes, in whose order the outputs of a
            model without names are.

    Returns:
        The members; the names of the classes in the order that they have in common,
        if any of them knows names; and how many classes there are.

    Raises:
        InputError: If a model cannot be shown that, or tells other classes apart.
    """
    views = [views_for(each, viewing) for each in models]
    sizes = [each.size for each in views]
    sized = list(map(at_size_of, models, sizes))
    outputs = list(map(_outputs, models, sized, sizes))
    names = list(map(names_of, sized, outputs))
    # The order of a model that knows names, so that the others' can be found.
    first = next((i for i, known in enumerate(names) if known is not None), 0)
    if names[first] is not None:
        pairs = zip(names, outputs, strict=True)
        names = [_in_order(labels, n) if x is None else x for x, n in pairs]
    found = []
    for i, opened in enumerate(models):
        order = _order(names[first], outputs[first], names[i], outputs[i])
        if order is None:
            raise InputError(
                f"{opened.name} and {models[first].name} tell different classes apart, "
                "so that their answers have no mean."
            )
        found.append(
            Member(opened=opened, views=views[i], predictor=sized[i], order=order)
        )
    return found, names[first], outputs[first]


def views_for(opened: Opened, viewing: Viewing) -> Views:
    """What a model is shown.

    Args:
        opened: The model.
        viewing: What was asked for.

    Returns:
        The views.

    Raises:
        InputError: If the model does not say what it takes, or was not tested so.
    """
    prepared = _preparation(opened, viewing)
    views = views_of(
        protocol(viewing.protocol),
        size=prepared.size,
        shorter=prepared.shorter,
        interpolation=prepared.interpolation,
        shorter_sides=viewing.scales,
    )
    for shorter in views.shorter_sides:
        check_center_crop(views.size, shorter, views.interpolation)
    return views


def _preparation(opened: Opened, viewing: Viewing) -> Preparation:
    """How the center is cut out, as far as it was not said."""
    told = opened.predictor.description
    own, row = told.preparation, published(told)
    if told.pixels != PIXELS:
        raise InputError(
            f"{opened.name} does not say how a photograph becomes its input."
        )
    if told.shape[-1] != 3:
        raise InputError(
            f"{opened.name} takes images of {told.shape[-1]} channels, not RGB."
        )
    if own is None:
        if viewing.crop is None:
            raise InputError(
                f"{opened.name} takes images of {_sides(told)} pixels: say which "
                "square ones to show it, --crop N."
            )
        own = Preparation(size=viewing.crop, shorter=shorter_side(viewing.crop))
    share = None if row is None else row.input.crop
    if viewing.larger:
        if row is None or row.larger is None:
            raise InputError(
                f"No test of {opened.name} on larger images was published."
            )
        size, share = row.larger.size, row.larger.crop
        own = replace(own, size=size, shorter=math.floor(size / share))
    size, shorter = viewing.crop or own.size, viewing.resize
    if shorter is None and size == own.size:
        shorter = own.shorter
    elif shorter is None:
        shorter = shorter_side(size) if share is None else math.floor(size / share)
    return replace(own, size=size, shorter=shorter)


def published(told: Description) -> Checkpoint | None:
    """The published checkpoint that a model or a file comes from, if it is one."""
    tag = told.origin.get("checkpoint")
    return next((row for row in list_weights() if row.tag == tag), None)


def names_of(predictor: Predictor, outputs: int) -> Sequence[str] | None:
    """The names of the classes of a model, if they are known."""
    told, row = predictor.description, published(predictor.description)
    if told.class_names is None and row is not None and row.classes == outputs:
        return imagenet_synsets()
    return None if told.class_names is None else distinct(told.class_names)


def at_size_of(opened: Opened, size: int) -> Predictor:
    """The predictor of a model for images of some size.

    Args:
        opened: The model.
        size: Side of the images, in pixels.

    Returns:
        Its own, or that of a copy for this size.

    Raises:
        InputError: If it is for another size only.
    """
    told = opened.predictor.description
    if all(side in (None, size) for side in told.shape[:2]):
        return opened.predictor
    other = f"{opened.name} takes images of {_sides(told)} pixels, not of {size}: "
    if opened.model is None:
        raise InputError(
            f"{other}a file cannot be changed. Export the model at that size, or leave "
            "out --crop and --larger."
        )
    try:
        model = at_size(opened.model, size)
    except ValueError as error:
        reason = first_line(error).partition(" Received: ")[0].removesuffix(".")
        raise InputError(
            f"{other}its top is tied to that size ({reason}). Leave out --crop and "
            "--larger, or train it on images of that size."
        ) from error
    shape = (size, size, told.shape[2])
    return of_model(Described(model=model, description=replace(told, shape=shape)))


def _in_order(labels: Sequence[str], outputs: int) -> Sequence[str]:
    """The names of the outputs of a model that has none, if it has that many."""
    match_classes(labels, None, outputs)
    return labels


def _sides(told: Description) -> str:
    return " x ".join("any" if side is None else str(side) for side in told.shape[:2])


def _outputs(opened: Opened, predictor: Predictor, size: int) -> int:
    """How many classes a model tells apart."""
    told = predictor.description
    if told.output == "features":
        raise InputError(f"{opened.name} answers with features, not with classes.")
    if told.class_names is not None:
        return len(told.class_names)
    if opened.model is not None:
        return opened.model.outputs[0].shape[-1]
    # Not all files say it.
    black = np.zeros((1, size, size, 3), "uint8")
    return probabilities(predictor, black).shape[1]


def _order(
    common: Sequence[str] | None, count: int, names: Sequence[str] | None, outputs: int
) -> np.ndarray | None:
    """The output for each of the common classes, or `None` if they are others."""
    if count != outputs:
        return None
    try:
        order = match_classes(common or [""] * count, names, outputs)
    except InputError:
        return None
    return order if len(set(order.tolist())) == count else None
