"""A run's best model, its images and its facts, for export and prediction."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_senet.data.bad_images import BadImages
from keras_senet.data.defaults import shorter_side
from keras_senet.data.images import Images
from keras_senet.data.measured import labelled
from keras_senet.data.sampling import sample
from keras_senet.data.source import Source
from keras_senet.export.description import Preparation
from keras_senet.export.subject import Described, describe
from keras_senet.training.data import exact_batches, open_data
from keras_senet.training.run import Run

# Enough real images to see a difference, few enough to be quick.
COMPARED = 64
REPRESENTATIVE = 256


@dataclass(frozen=True, kw_only=True)
class Exportable:
    """What a run has for an export.

    Attributes:
        described: The best model.
        images: Test images to compare answers on.
        images_from: Where they come from.
        representative: Training images, as they are in evaluation.
        facts: Data, recipe and metrics.
        run: The folder.
        source: The data.
    """

    described: Described
    images: np.ndarray
    images_from: str
    representative: np.ndarray
    facts: dict[str, Any]
    run: Run
    source: Source

    def test(self) -> Iterable[tuple[Any, Any, Any]]:
        """The images that measure the result, in batches."""
        recipe = self.run.read_recipe()
        bad = BadImages(recipe.data.on_bad_image)
        size = self.images.shape[1]
        with bad.named():
            yield from exact_batches(recipe, labelled(self.source).images, size, bad)


def exportable(run: Run) -> Exportable:
    """Reads what a run has for an export.

    Args:
        run: The folder.

    Returns:
        Model, images and facts.

    Raises:
        InputError: If the run has no model yet, or its data have changed.
    """
    source, described = open_data(run), run_model(run)
    record = run.read_record()
    prepared = run_preparation(run, record)
    measured = labelled(source)
    name = record["data"]["name"]

    def drawn(images: Images, count: int) -> np.ndarray:
        return sample(
            images,
            count,
            size=prepared.size,
            resize=prepared.shorter,
            interpolation=prepared.interpolation,
        )

    return Exportable(
        described=described,
        images=drawn(measured.images, COMPARED),
        images_from=f"{measured.split} images of {name}",
        representative=drawn(source.train, REPRESENTATIVE),
        facts={
            "metrics": record.get("metrics"),
            "data": {k: v for k, v in record["data"].items() if k != "class_names"},
            "recipe": record["recipe"],
            "versions": record["versions"],
        },
        run=run,
        source=source,
    )


def run_model(run: Run) -> Described:
    """The best model of a run, which says what images it takes.

    Args:
        run: The folder.

    Returns:
        The model and its description.
    """
    record, model = run.read_record(), run.read_best()
    return describe(
        model,
        preparation=run_preparation(run, record),
        origin={"run": run.path.name, "data": record["data"]["name"]},
    )


def run_preparation(run: Run, record: dict[str, Any]) -> Preparation:
    """How a photograph becomes the input, as in the run's test."""
    evaluation, size = run.read_recipe().evaluation, record["model"]["image_size"]
    return Preparation(
        size=size,
        shorter=evaluation.resize or shorter_side(size),
        interpolation=evaluation.interpolation,
    )
