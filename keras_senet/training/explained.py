"""The images that a model is explained by: those that chose it, and others."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_senet.data.bad_images import BadImages
from keras_senet.data.measured import Labelled
from keras_senet.data.pipeline import evaluation_batches
from keras_senet.errors import InputError
from keras_senet.evaluation.activation_maps import grad_cam, photo_gates
from keras_senet.evaluation.excitation import fingerprint
from keras_senet.evaluation.gate_files import read_gates_npz
from keras_senet.evaluation.matching import match_classes
from keras_senet.evaluation.photograph import draw_photograph
from keras_senet.explanation.explaining import Explanation, Images, Shown, explain
from keras_senet.export.description import Preparation
from keras_senet.export.predicting import (
    Guess,
    as_probabilities,
    best_classes,
    read_photograph,
)
from keras_senet.layers import SqueezeExcite
from keras_senet.models.graph import leaves
from keras_senet.training.evaluation import bad_image_policy
from keras_senet.training.opening import Opened, images_of

# Bytes of decoded images that are kept in memory.
KEPT = 256 * 2**20


def explain_model(
    opened: Opened,
    data: str | None = None,
    split: str | None = None,
    *,
    batch_size: int = 64,
    shown: Shown | None = None,
    with_advice: bool = True,
    may_lose: float = 0.5,
    on_bad_image: str | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Explanation:
    """Measures the gates of a model, and what it costs to do without them.

    Args:
        opened: A Keras model that takes RGB 0..255.
        data: As for `open_labelled`; `None` takes the run's own.
        split: Of the data. `None` measures on the validation images and tries the
            advice on the test's, where there are both; otherwise it takes what there
            is.
        batch_size: Images in a batch.
        shown: What figures are to show, which is checked beforehand.
        with_advice: Whether to take blocks out and measure again.
        may_lose: How much accuracy the advice may cost, in percentage points.
        on_bad_image: `"raise"` or `"skip"`; `None` is as in the run, or to raise.
        told: Is called with a few words before each step.

    Returns:
        What was found.

    Raises:
        InputError: If the model has no blocks, or the images do not fit it.
    """
    bad = BadImages(bad_image_policy([opened], on_bad_image))
    images, held_out = _images_and_others(opened, data, split, batch_size, bad)
    try:
        if shown is not None:
            shown.check(opened.require_model(), images.class_names)
        with bad.named():
            found = explain(
                opened.require_model(),
                images,
                held_out=held_out,
                with_advice=with_advice,
                may_lose=may_lose,
                probabilities=functools.partial(
                    as_probabilities, told=opened.predictor.description
                ),
                told=told,
            )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{opened.name}: {error}") from error
    return replace(found, bad_images=dict(bad.found))


def explain_photograph(
    opened: Opened,
    file: str,
    target: Path,
    *,
    top: int = 3,
    blocks: Sequence[str] | None = None,
    reference: Path | None = None,
) -> list[Guess]:
    """Draws where a model sees its best classes in a photograph, and its gates.

    Args:
        opened: A Keras model that takes RGB 0..255.
        file: The photograph.
        target: The PNG file to write.
        top: How many classes.
        blocks: Names of the blocks whose gates are drawn; `None` takes the last of
            each stage and all of the last stage.
        reference: A file of gates by class, to draw their means beside, if they are
            those of this network.

    Returns:
        The classes, the best first.

    Raises:
        InputError: If the photograph cannot be read, or the model answers with no
            classes.
    """
    model, prepared = opened.require_model(), _preparation(opened)
    image = read_photograph(file, prepared)
    (guesses,) = best_classes(opened.predictor, image[np.newaxis], top)
    pixels = image.astype("float32")
    has_gates = any(isinstance(x, SqueezeExcite) for x in leaves(model))
    means = None
    if reference is not None and reference.is_file():
        measured = read_gates_npz(reference)
        # The folder may have been written for another network.
        if measured.network == fingerprint(model):
            means = measured.mean_gates()
    try:
        draw_photograph(
            target,
            image,
            grad_cam(model, pixels, class_index=[guess.index for guess in guesses]),
            photo_gates(model, pixels) if has_gates else None,
            classes=[(guess.name, guess.probability) for guess in guesses],
            reference=means,
            blocks=blocks,
            title=file,
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{opened.name}: {error}") from error
    return guesses


def _images_and_others(
    opened: Opened,
    data: str | None,
    split: str | None,
    batch_size: int,
    bad: BadImages,
) -> tuple[Images, Images | None]:
    found = images_of(opened, data, split)
    others = None
    if split is None and found.split == "test":
        found, others = images_of(opened, data, "validation"), found
    made = _images(opened, found, batch_size, bad)
    if others is None:
        return made, None
    return made, _images(opened, others, batch_size, bad)


def _images(opened: Opened, found: Labelled, batch_size: int, bad: BadImages) -> Images:
    told, prepared = opened.predictor.description, _preparation(opened)
    outputs = match_classes(
        found.class_names, told.class_names, opened.require_model().output_shape[-1]
    )

    # They are gone through many times: making the pipeline takes seconds, too.
    taken = found.images.count * 3 * prepared.size**2
    batches = evaluation_batches(
        found.images,
        size=prepared.size,
        resize=prepared.shorter,
        interpolation=prepared.interpolation,
        batch_size=batch_size,
        bad_images=bad,
        cache=taken < KEPT,
    )
    return Images(
        batches=batches.as_numpy_iterator,
        name=f"{found.name}, {found.split}",
        class_names=found.class_names,
        outputs=outputs,
    )


def _preparation(opened: Opened) -> Preparation:
    prepared = opened.predictor.description.preparation
    if prepared is None:
        raise InputError(
            f"{opened.name} does not say how a photograph becomes its input."
        )
    return prepared
