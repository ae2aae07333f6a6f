"""Whatever answers with classes, and the images to ask it about, by their names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from keras_senet.data.measured import ALL, Labelled, labelled, open_labelled
from keras_senet.data.opening import folder_of, open_source
from keras_senet.data.source import Source
from keras_senet.errors import InputError
from keras_senet.export.description import PIXELS
from keras_senet.export.predicting import (
    Predictor,
    is_keras,
    load_model,
    of_model,
    open_predictor,
)
from keras_senet.export.subject import describe
from keras_senet.training.data import open_data
from keras_senet.training.exports import run_model
from keras_senet.training.run import Run, open_run


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Something that tells classes apart, and where it comes from.

    Attributes:
        name: As it was asked for.
        predictor: From images to answers, and what it says of itself.
        model: The Keras model that takes RGB 0..255, if it is one.
        run: The run that it is the best model of, if it is one.
    """

    name: str
    predictor: Predictor
    model: keras.Model | None = None
    run: Run | None = None

    def require_model(self) -> keras.Model:
        """The Keras model.

        Raises:
            InputError: If it is none, or does not take RGB 0..255.
        """
        if self.model is None:
            raise InputError(
                f"{self.name} is no Keras model that takes RGB 0..255, so that its "
                "gates and gradients cannot be looked at. Explain the run, .keras file "
                "or checkpoint that it was exported from."
            )
        return self.model


def open_model(name: str) -> Opened:
    """Opens whatever answers with classes.

    Args:
        name: The folder of a run, a `.keras`, `.tflite` or `.onnx` file, the folder
            of a SavedModel or of its versions, or the tag of a published checkpoint.

    Returns:
        What was opened.

    Raises:
        InputError: If it is nothing of this, or cannot be loaded.
    """
    run = open_run(name) if (Path(name) / "record.json").is_file() else None
    if run is None and not is_keras(name):
        return Opened(name=name, predictor=open_predictor(name))
    described = describe(load_model(name)) if run is None else run_model(run)
    takes_pixels = described.description.pixels == PIXELS
    return Opened(
        name=name,
        predictor=of_model(described),
        model=described.model if takes_pixels else None,
        run=run,
    )


def images_of(
    opened: Opened, data: str | None = None, split: str | None = None
) -> Labelled:
    """The images to ask a model about: those of `shared_images` for one."""
    return shared_images([opened], data, split)


def shared_images(
    models: Sequence[Opened], data: str | None = None, split: str | None = None
) -> Labelled:
    """The images to ask one or several models about.

    A run measures on what it has not learned from: without `data`, and where they
    name its own, it is its test, or its validation if it has none.

    Args:
        models: At least one.
        data: As for `open_labelled`; `None` takes the data of the runs among them.
        split: Another split of the data.

    Returns:
        The images.

    Raises:
        InputError: If the models do not say which images, or the data cannot be used.
    """
    runs = [each.run for each in models if each.run is not None]
    if data is not None:
        return _given(runs, data, split)
    if not runs:
        raise InputError(
            f"{models[0].name} does not say on which images to measure it; name them, "
            "such as --data path/to/images or --data digits."
        )
    sources = [open_data(run) for run in runs]
    if len({source.fingerprint for source in sources}) > 1:
        raise InputError(
            "These runs were trained on different data, or on different divisions of "
            "them; name images that none of them has seen: --data DATA."
        )
    return labelled(sources[0], split)


def _given(runs: list[Run], data: str, split: str | None) -> Labelled:
    """Data that were named, but never the training images of a run unasked."""
    sources = {}
    for run in runs:
        source = _same(run, data)
        if source is not None:
            sources[source.fingerprint] = (run, source)
    if len(sources) > 1:
        raise InputError(
            f"These runs have divided {data} in different ways (data.split_seed), so "
            "that one was trained on test images of the other; name other --data."
        )
    for run, source in sources.values() if split != ALL else ():
        chosen = labelled(source, split)
        note = f"{run.path} was trained on {data}; these are its {chosen.split} images"
        return replace(chosen, note=note)
    found = open_labelled(data, split)
    for run in runs if found.split == ALL else ():
        places = (folder_of(x) for x in (data, run.read_recipe().data.name))
        if len({place and place.resolve() for place in places}) == 1:
            # If it has changed, what the run was trained on is not known any more.
            open_data(run)
    return found


def _same(run: Run, data: str) -> Source | None:
    """The data as the run divided them, if it was trained on them."""
    recorded = run.read_record().get("data", {}).get("fingerprint")
    try:
        source = open_source(data, run.read_recipe().data.split_seed)
    # Too few images to be trained on, such as one class; other errors come again.
    except InputError:
        return None
    return source if source.fingerprint == recorded else None
