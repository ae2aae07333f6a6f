"""Packs any data set into TFRecord shards, which are read fast from any disk."""

import contextlib
import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_senet.data import shard_files
from keras_senet.data.bad_images import POLICIES
from keras_senet.data.images import Images
from keras_senet.data.journal import Journal, finished
from keras_senet.data.packed import FORMAT, INDEX, JOURNAL
from keras_senet.data.shard_threads import shard_names, write_shards
from keras_senet.data.source import Source
from keras_senet.errors import InputError
from keras_senet.files import written_whole

SHARD_BYTES = 150e6
# Images whose sizes tell how large a split is.
SAMPLE = 64


def pack(
    source: Source,
    out: str | os.PathLike,
    *,
    shards: int | None = None,
    seed: int = 0,
    on_bad_image: str = "raise",
    workers: int | None = None,
) -> dict[str, Any]:
    """Writes a data set into TFRecord shards, its images as they are encoded.

    Images are shuffled. With random access to them any order is as likely as any
    other; a stream is written in the shuffled order of its own first epoch, one
    shard after the other. Shards of a split differ by one image at most, not
    counting bad ones: each image is decoded once to find them.

    A packing that was stopped goes on where it was, if it is started again, and the
    files are the same as if it had not been stopped.

    Args:
        source: The data set.
        out: A folder, which is made.
        shards: How many files the training split gets; the others get as many as
            their share of images asks for. By default, files have about 150 MB.
        seed: Of the order, an integer from 0.
        on_bad_image: `"raise"` stops at a bad image and names it; `"skip"` leaves
            it out and lists it.
        workers: How many threads check and write; default as many as processors.

    Returns:
        What `index.json` says, the file that is written last.

    Raises:
        InputError: If an argument is none of these, an image is bad, `out` holds
            something else, or the disk is full.

    Example:

    ```python
    import tempfile
    from keras_senet.data.digits import digits
    from keras_senet.data.packed import packed
    from keras_senet.data.packing import pack

    folder = tempfile.mkdtemp()
    index = pack(digits(), folder, shards=2)
    assert packed(folder).train.count == digits().train.count
    ```
    """
    root = Path(out)
    if on_bad_image not in POLICIES:
        raise InputError(
            f"on_bad_image should be raise or skip. Received: {on_bad_image!r}"
        )
    for name, value, least in (("shards", shards, 1), ("workers", workers, 1)):
        if value is not None and value < least:
            raise InputError(f"{name} should be at least {least}. Received: {value}")
    if seed < 0:
        raise InputError(f"seed should be at least 0. Received: {seed}")
    with _in_words(root):
        plan = _plan(source, shards, seed)
        index = finished(root, plan)
        if index is None:
            journal = Journal(root, plan)
            # What a kill left of a file that was not whole.
            for name in ("*-of-*.tfrecord", INDEX, JOURNAL):
                for leftover in root.glob(f".{name}-*"):
                    shutil.rmtree(leftover)
            for shard in journal.done.values():
                shard_files.refuse(shard["skipped"], on_bad_image)
            write_shards(
                source.splits,
                root,
                journal,
                shards={name: x["shards"] for name, x in plan["splits"].items()},
                seed=seed,
                policy=on_bad_image,
                threads=workers or os.cpu_count() or 1,
            )
            index = _index(plan, journal)
            with written_whole(root / INDEX) as path:
                path.write_text(json.dumps(index, indent=1) + "\n")
            journal.remove()
        return index


def _plan(source: Source, shards: int | None, seed: int) -> dict[str, Any]:
    """What decides the contents of all shards, as JSON values."""
    splits = {}
    for name, images in source.splits.items():
        if not images.count:
            raise InputError(f"The {name} split of {source.name} has no images.")
        number = (
            _mean_bytes(images) * images.count / SHARD_BYTES
            if shards is None
            else shards * images.count / source.train.count
        )
        number = min(max(1, round(number)), images.count)
        splits[name] = {"images": images.count, "shards": number}
    augmentation = source.augmentation
    plan = {
        "format": FORMAT,
        "source": source.name,
        "fingerprint": source.fingerprint,
        "class_names": source.class_names,
        "augmentation": augmentation and dataclasses.asdict(augmentation),
        "size": source.size,
        "seed": seed,
        "splits": splits,
    }
    return json.loads(json.dumps(plan))


def _mean_bytes(images: Images) -> float:
    import numpy as np

    if shard_files.has_random_access(images):
        sample = min(SAMPLE, images.count)
        positions = np.linspace(0, images.count - 1, sample).astype("int64")
        examples = shard_files.at(images, positions)
    else:
        examples = shard_files.beginning(images, SAMPLE)
    sizes = [len(example.encoded) for example in examples]
    return sum(sizes) / len(sizes)


def _index(plan: dict[str, Any], journal: Journal) -> dict[str, Any]:
    splits, skipped = {}, []
    for name, split in plan["splits"].items():
        shards = [journal.done[file] for file in shard_names(name, split["shards"])]
        counts = [0] * len(plan["class_names"])
        for shard in shards:
            for label, count in shard["labels"]:
                counts[label] += count
            skipped += [
                {"split": name, "file": file, "reason": reason}
                for file, reason in shard["skipped"]
            ]
        if not any(counts):
            raise InputError(f"All images of the {name} split are bad.")
        keys = ("file", "count", "bytes", "sha256")
        splits[name] = {
            "images": split["images"],
            "class_counts": counts,
            "shards": [{key: shard[key] for key in keys} for shard in shards],
        }
    return {**plan, "splits": splits, "skipped": skipped}


@contextlib.contextmanager
def _in_words(root: Path) -> Iterator[None]:
    """Turns errors of files into ones that say what to do."""
    import tensorflow as tf

    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).partition("\n")[0]
        full = os.strerror(errno.ENOSPC)
        if full in reason:
            reason = f"The disk of {root} is full."
        raise InputError(
            f"{reason} What is finished in {root} stays; the same command goes on "
            "with the rest."
        ) from error
