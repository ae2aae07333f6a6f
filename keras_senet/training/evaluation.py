"""Evaluating models, alone or together, by one of the protocols of the papers."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_senet.data.bad_images import BadImages
from keras_senet.data.measured import Labelled
from keras_senet.data.once import view_batches
from keras_senet.data.views import Views
from keras_senet.errors import InputError
from keras_senet.evaluation.answers import answers
from keras_senet.evaluation.matching import match_classes, shown_names
from keras_senet.evaluation.metrics import Metrics, Tally
from keras_senet.evaluation.mistakes import Mistake, Mistakes
from keras_senet.training.members import Member, Viewing, members
from keras_senet.training.opening import Opened

BATCH = 32
# One device computes it, whatever shared a batch of the training.
MOST_AT_ONCE = 128
ROW_OF_NUMBERS = re.compile(r"\[\n[\d\s,]+\]")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was found, and how.

    Attributes:
        models: A dictionary for each model: what it is, and what it was shown.
        data: Name, split, number of images and of classes.
        protocol: Its name, and what all models were shown; what differs is `None`.
        metrics: What was counted.
        bad_images: What is wrong with each image that was left out, by name.
        mistakes: The worst mistakes, if they were asked for.
        class_names: The names of all classes, for the indices in `mistakes`.
    """

    models: tuple[dict[str, Any], ...]
    data: dict[str, Any]
    protocol: dict[str, Any]
    metrics: Metrics
    bad_images: dict[str, str]
    mistakes: tuple[Mistake, ...]
    class_names: tuple[str, ...]

    @property
    def how(self) -> str:
        """In a line: which images, and what was seen of them."""
        data, protocol = self.data, self.protocol
        which = "all" if data["split"] == "all" else f"{data['split']} images"
        views = f"{protocol['views']} views" if protocol["views"] > 1 else "one view"
        seen = "each model's own size"
        if protocol["crop"] is not None and protocol["shorter_sides"] is not None:
            sides = ", ".join(map(str, protocol["shorter_sides"]))
            seen = f"{protocol['crop']} pixels, shorter side {sides}"
            if protocol["interpolation"] is not None:
                seen += f", {protocol['interpolation']}"
        several = len(self.models)
        mean = f"; mean of {several} models" if several > 1 else ""
        return f"{data['name']}, {which}; {views} of {seen}{mean}"

    def to_dict(self) -> dict[str, Any]:
        """All but the mistakes as values of JSON."""
        return {
            "models": list(self.models),
            "data": self.data,
            "protocol": self.protocol,
            "metrics": self.metrics.to_dict(),
            "bad_images": self.bad_images,
        }

    def to_json(self) -> str:
        """The same as JSON, each row of the confusion matrix in a line."""
        return json_text(self.to_dict())


def json_text(values: dict[str, Any]) -> str:
    """Values as JSON, each list of whole numbers in a line."""
    text = json.dumps(values, indent=2)
    return ROW_OF_NUMBERS.sub(lambda found: " ".join(found[0].split()), text)


def evaluate(
    models: Sequence[Opened],
    labelled: Labelled,
    viewing: Viewing | None = None,
    *,
    batch_size: int | None = None,
    on_bad_image: str | None = None,
    mistakes: int = 0,
) -> Evaluation:
    """Evaluates a model, or several by the mean of their probabilities.

    Every image counts once. Of several views of an image, and then of several models,
    the mean of the probabilities is the answer.

    Args:
        models: At least one. Those that are prepared in another way see the same
            images in their own way.
        labelled: The images.
        viewing: What each model is shown of them; `None` is one view, as in its own
            test.
        batch_size: How many views are computed at once; `None` is as in the first
            run among the models, or 32.
        on_bad_image: `"raise"` or `"skip"`; `None` is as in the first run among the
            models, or to raise.
        mistakes: How many of the worst mistakes to keep, with their pictures.

    Returns:
        What was found.

    Raises:
        InputError: If the models cannot be tested so, or know other classes, or an
            image is bad.
    """
    viewing = viewing or Viewing()
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size should be at least 1. Received: {batch_size}")
    recipe = next((x.run.read_recipe().data for x in models if x.run is not None), None)
    if batch_size is None:
        batch_size = min(recipe.batch_size, MOST_AT_ONCE) if recipe else BATCH
    bad = BadImages(bad_image_policy(models, on_bad_image))
    group, names, outputs = members(models, viewing, labelled.class_names)
    places = match_classes(labelled.class_names, names, outputs)
    shown = shown_names(labelled.class_names if names is None else names)
    tally, worst = Tally(shown), Mistakes(mistakes)
    seen = list(dict.fromkeys(each.views for each in group))

    def predict(images: dict[Views, np.ndarray]) -> np.ndarray:
        found = [each.answer(images[each.views], batch_size) for each in group]
        return np.mean(found, axis=0)

    def centers(images: dict[Views, np.ndarray]) -> np.ndarray:
        return images[seen[0]][:, seen[0].center]

    batches = _batches(labelled, seen, batch_size, bad, places)
    with bad.named():
        for each in answers(predict, batches, centers):
            tally.add(each)
            worst.add(each)
    return Evaluation(
        models=tuple(_model_facts(each) for each in group),
        data=_data_facts(labelled),
        protocol=_protocol_facts(viewing.protocol, seen),
        metrics=tally.metrics(),
        bad_images=dict(bad.found),
        mistakes=worst.worst(),
        class_names=shown,
    )


def bad_image_policy(models: Sequence[Opened], asked: str | None) -> str:
    """What to do about images that cannot be read: as asked, or as the first run."""
    runs = (each.run for each in models if each.run is not None)
    policies = (run.read_recipe().data.on_bad_image for run in runs)
    return asked or next(policies, "raise")


def _batches(
    labelled: Labelled,
    seen: Sequence[Views],
    batch_size: int,
    bad: BadImages,
    places: np.ndarray,
) -> Iterator[tuple[dict[Views, np.ndarray], np.ndarray, np.ndarray]]:
    """The same images in all the ways that models see them, with outputs as labels."""
    count = max(1, batch_size // max(views.count for views in seen))
    # The rest would be padding.
    count = min(count, labelled.images.count)
    streams = [
        view_batches(labelled.images, views, batch_size=count, bad_images=bad)
        for views in seen
    ]
    for parts in zip(*streams, strict=True):
        images = {
            views: part[0].numpy() for views, part in zip(seen, parts, strict=True)
        }
        _, labels, weights = parts[0]
        yield images, places[labels.numpy()], weights.numpy()


def _model_facts(member: Member) -> dict[str, Any]:
    told = member.predictor.description
    return {
        "name": member.opened.name,
        "network": told.name,
        "origin": told.origin,
        **_shown(member.views),
    }


def _data_facts(labelled: Labelled) -> dict[str, Any]:
    return {
        "name": labelled.name,
        "split": labelled.split,
        "count": labelled.images.count,
        "classes": len(labelled.class_names),
        "note": labelled.note,
    }


def _protocol_facts(name: str, seen: Sequence[Views]) -> dict[str, Any]:
    shown = [_shown(views) for views in seen]
    common = {
        key: value if all(each[key] == value for each in shown) else None
        for key, value in shown[0].items()
    }
    return {"name": name, "views": seen[0].count, **common}


def _shown(views: Views) -> dict[str, Any]:
    return {
        "crop": views.size,
        "shorter_sides": list(views.shorter_sides),
        "interpolation": views.interpolation,
    }
