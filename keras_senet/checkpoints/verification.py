"""Whether a published checkpoint is, on this machine, what it was on others."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_senet.errors import InputError
from keras_senet.files import written_whole
from keras_senet.models.families import NETWORKS
from keras_senet.preprocessing import preprocess_input
from keras_senet.version import __version__
from keras_senet.weights.catalog import checkpoint
from keras_senet.weights.files import fetch, local_path, verify

# Rounding differs between backends and processors; any mistake is larger.
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found.

    Attributes:
        tag: The checkpoint.
        path: Its file.
        digest: The file's hash, in full.
        published: Whether the publisher states one, which it then fits.
        tensors: How many weights were set, each from its own tensors.
        golden: The file of logits that they were compared with, or recorded in.
        recorded: Whether the logits were recorded now, for want of earlier ones.
        difference: The largest difference of a logit from the recorded ones, in
            standard deviations of the logits.
    """

    tag: str
    path: Path
    digest: str
    published: bool
    tensors: int
    golden: Path
    recorded: bool
    difference: float


def verify_checkpoint(
    tag: str, golden: str | os.PathLike | None = None
) -> Verification:
    """Verifies the file of a checkpoint, its structure, and its function.

    The file is fetched if needed. Its logits of fixed images are compared with those
    that were recorded when this was first run, by anybody who passed them on, with
    any backend.

    Args:
        tag: The checkpoint, see `list_weights`.
        golden: The file with the logits; by default beside where the weights are
            placed by hand, `<KERAS_HOME>/keras_senet/<tag>.logits.json`.

    Returns:
        What was found.

    Raises:
        InputError: If it cannot be had, or its logits differ.
        ValueError: If the file does not fit the network.
    """
    row = checkpoint(tag)
    path = fetch(row)
    digest = verify(path, row)
    pixels = images(row.input.size)
    if keras.config.image_data_format() == "channels_first":
        pixels = pixels.transpose(0, 3, 1, 2)
    model = NETWORKS[row.network](
        weights=tag,
        input_shape=pixels.shape[1:],
        classifier_activation=None,
        use_bias=row.use_bias,
    )
    logits = keras.ops.convert_to_numpy(
        model(preprocess_input(pixels, row), training=False)
    )
    default = local_path(row).with_name(f"{row.tag}.logits.json")
    golden = Path(default if golden is None else golden)
    if golden.is_dir():
        raise InputError(f"{golden} should be a file of logits, but is a folder.")
    recorded = not golden.exists()
    difference = 0.0
    if recorded:
        with written_whole(golden) as new:
            new.write_text(json.dumps(_record(tag, digest, logits)) + "\n")
    else:
        difference = _compared(golden, tag, digest, logits)
    return Verification(
        tag=tag,
        path=path,
        digest=digest,
        published=row.hashes is not None,
        tensors=len(model.weights),
        golden=golden,
        recorded=recorded,
        difference=difference,
    )


def images(size: int) -> np.ndarray:
    """Two images that are the same everywhere: smooth waves, in RGB 0..255.

    Args:
        size: Their side in pixels.

    Returns:
        Array `(2, size, size, 3)`, float32.
    """
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [
        np.sin(2 * np.pi * (a * x + b * y + phase))
        for a, b, phase in (
            (3, 1, 0.0),
            (1, 4, 0.2),
            (5, 2, 0.4),
            (2, 2, 0.1),
            (7, 0, 0.3),
            (0, 6, 0.7),
        )
    ]
    pixels = np.round(127.5 + 127.5 * np.stack(waves, axis=-1))
    return np.stack([pixels[..., :3], pixels[..., 3:]]).astype("float32")


def _record(tag: str, digest: str, logits: np.ndarray) -> dict[str, Any]:
    return {
        "tag": tag,
        "digest": digest,
        "keras_senet": __version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "logits": [[float(x) for x in row] for row in logits],
    }


def _compared(path: Path, tag: str, digest: str, logits: np.ndarray) -> float:
    """The difference from recorded logits, which must be of this file and small."""
    try:
        record = json.loads(path.read_text())
        known = np.asarray(record["logits"], dtype="float64")
        of = (record["tag"], record["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no logits that `keras-senet weights verify` recorded "
            f"({error}). Remove it to record them anew."
        ) from error
    if of != (tag, digest) or known.shape != logits.shape:
        raise InputError(
            f"{path} was recorded for {of[0]} with the hash {of[1]}, not {tag} with "
            f"{digest}. Remove it to record the logits anew."
        )
    difference = float(np.abs(logits - known).max() / known.std())
    # Not "larger": a NaN is no agreement.
    if not difference <= TOLERANCE:
        raise InputError(
            f"The logits of {tag} differ by {difference:.1e} of their standard "
            f"deviation from those in {path} (limit {TOLERANCE:.0e}), which "
            f"{record.get('backend')} computed: this is not the same function."
        )
    return difference
