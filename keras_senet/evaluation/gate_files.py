"""The measured gates of a network as files."""

import csv
import os
import zipfile
from typing import Any

import numpy as np

from keras_senet.errors import InputError
from keras_senet.evaluation.gate_statistics import BlockGates, Excitation
from keras_senet.files import written_whole

COLUMNS = ("block", "class", "channel", "images", "mean", "deviation")
ARRAYS = ("mean", "deviation", "lowest", "highest")
# What NumPy raises about files that are none of its own, or none of ours.
DAMAGE = (LookupError, ValueError, TypeError, EOFError, zipfile.BadZipFile)


def write_gates_csv(excitation: Excitation, path: str | os.PathLike) -> None:
    """Writes one line for each block, class and channel, for tables and plots.

    Numbers have all digits. Classes without images have no lines.

    Args:
        excitation: What was measured.
        path: The CSV file to write, with the columns `COLUMNS`.

    Example:

    ```python
    from keras_senet.evaluation.excitation import measure_gates

    batches = evaluation_batches(source.test, size=32, batch_size=64)
    excitation = measure_gates(model, batches, source.class_names)
    write_gates_csv(excitation, "gates.csv")
    ```
    """
    with (
        written_whole(path) as whole,
        whole.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, block in excitation.blocks.items():
            for index in np.flatnonzero(excitation.images):
                images = int(excitation.images[index])
                row = (name, excitation.class_names[index])
                numbers = zip(
                    block.mean[index].tolist(),
                    block.deviation[index].tolist(),
                    strict=True,
                )
                writer.writerows(
                    (*row, channel, images, mean, deviation)
                    for channel, (mean, deviation) in enumerate(numbers)
                )


def write_gates_npz(excitation: Excitation, path: str | os.PathLike) -> None:
    """Writes all that was measured, to the bit, for `read_gates_npz`.

    Args:
        excitation: What was measured.
        path: The NPZ file to write: `class_names`, `images` and `blocks` (the
            names), and for the first block `0_mean`, `0_deviation`, `0_lowest`,
            `0_highest`.
    """
    blocks = excitation.blocks
    arrays: dict[str, Any] = {
        "class_names": np.array(excitation.class_names, dtype=str),
        "images": excitation.images,
        "blocks": np.array(list(blocks), dtype=str),
        "thresholds": np.array([excitation.near_zero, excitation.near_one]),
        "network": np.array(excitation.network, dtype=str),
        "near": np.array([[x.near_zero, x.near_one] for x in blocks.values()]),
    }
    for index, block in enumerate(blocks.values()):
        for name in ARRAYS:
            arrays[f"{index}_{name}"] = getattr(block, name)
    # NumPy adds an ending to the name of a file, but not to a file.
    with written_whole(path) as whole, whole.open("wb") as file:
        np.savez(file, **arrays)


def read_gates_npz(path: str | os.PathLike) -> Excitation:
    """Reads what `write_gates_npz` wrote.

    Args:
        path: The file.

    Returns:
        What was measured.

    Raises:
        InputError: If the file is another one.
        FileNotFoundError: If there is none.

    Example:

    ```python
    from keras_senet.evaluation.excitation import measure_gates

    batches = evaluation_batches(source.test, size=32, batch_size=64)
    excitation = measure_gates(model, batches, source.class_names)
    write_gates_npz(excitation, "gates.npz")
    read_gates_npz("gates.npz").count  # 359
    ```
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return _read(arrays)
    except DAMAGE as error:
        raise InputError(f"{path} is not a file of measured gates: {error}") from error


def _read(arrays: Any) -> Excitation:
    images = arrays["images"]
    near = arrays["near"].tolist()
    near_zero, near_one = arrays["thresholds"].tolist()
    blocks = {
        name: BlockGates(
            images=images,
            near_zero=near[index][0],
            near_one=near[index][1],
            **{array: arrays[f"{index}_{array}"] for array in ARRAYS},
        )
        for index, name in enumerate(arrays["blocks"].tolist())
    }
    return Excitation(
        class_names=tuple(arrays["class_names"].tolist()),
        images=images,
        blocks=blocks,
        near_zero=near_zero,
        near_one=near_one,
        network=arrays["network"].item(),
    )
