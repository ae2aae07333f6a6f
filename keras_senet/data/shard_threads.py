"""Writes all shards of a data set that are missing, in parallel."""

import collections
import contextlib
import functools
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from keras_senet.data import shard_files
from keras_senet.data.images import Images
from keras_senet.data.journal import Journal

# Writes one shard: target, count, images.
Write = Callable[[Path, int, Iterator[shard_files.Checked]], None]


def shard_names(split: str, shards: int) -> list[str]:
    """Names of the files of a split.

    Args:
        split: Its name.
        shards: How many files it has.

    Returns:
        Such as `"train-00000-of-00016.tfrecord"`.
    """
    return [f"{split}-{x:05}-of-{shards:05}.tfrecord" for x in range(shards)]


def write_shards(
    splits: Mapping[str, Images],
    root: Path,
    journal: Journal,
    *,
    shards: Mapping[str, int],
    seed: int,
    policy: str,
    threads: int,
) -> None:
    """Writes the shards that the journal does not know, and notes them there.

    Args:
        splits: The images.
        root: The folder of the shards.
        journal: What has been done.
        shards: How many shards each split has.
        seed: Of the order.
        policy: What to do about a bad image: `"raise"` or `"skip"`.
        threads: How many shards are written at a time; those of a stream one after
            the other, while as many threads check its images.
    """
    stopped = threading.Event()
    pool = ThreadPoolExecutor(threads)
    with _progress(splits, journal) as advance:

        def write(
            target: Path, count: int, images: Iterator[shard_files.Checked]
        ) -> None:
            shard = shard_files.write_shard(
                target, count, images, policy=policy, stopped=stopped, advance=advance
            )
            journal.add(shard)

        try:
            jobs = []
            for split, (name, images) in enumerate(splits.items()):
                parts = _parts(images.count, shards[name])
                targets = [root / file for file in shard_names(name, shards[name])]
                missing = {
                    target: part
                    for target, part in zip(targets, parts, strict=True)
                    if target.name not in journal.done
                }
                if not shard_files.has_random_access(images):
                    _write_stream(images, seed, missing, write, pool, threads)
                    continue
                for job in _at_random(images, (seed, split), missing, write):
                    jobs.append(pool.submit(job))
            for done in as_completed(jobs):
                done.result()
        finally:
            # After an error or an interrupt, no thread begins or goes on.
            stopped.set()
            pool.shutdown(cancel_futures=True)


def _parts(count: int, shards: int) -> list[range]:
    """Consecutive ranges whose sizes differ by one at most."""
    ends = [count * number // shards for number in range(shards + 1)]
    return [range(*pair) for pair in itertools.pairwise(ends)]


def _at_random(
    images: Images, seed: tuple[int, int], missing: Mapping[Path, range], write: Write
) -> Iterator[Callable[[], None]]:
    """A job for each shard, which has its part of one permutation."""
    import numpy as np

    positions = np.random.default_rng(seed).permutation(images.count)

    def job(target: Path, part: range) -> None:
        examples = shard_files.at(images, positions[part.start : part.stop])
        write(target, len(part), shard_files.checked(examples))

    for target, part in missing.items():
        yield functools.partial(job, target, part)


def _write_stream(
    images: Images,
    seed: int,
    missing: Mapping[Path, range],
    write: Write,
    pool: ThreadPoolExecutor,
    threads: int,
) -> None:
    """One shard after the other, as the images come."""
    if not missing:
        return
    place = min(part.start for part in missing.values())
    examples = shard_files.shuffled(images, seed, place)
    for target, part in missing.items():
        collections.deque(itertools.islice(examples, part.start - place), maxlen=0)
        own = itertools.islice(examples, len(part))
        write(target, len(part), shard_files.checked_by(pool, threads, own))
        place = part.stop


@contextlib.contextmanager
def _progress(
    splits: Mapping[str, Images], journal: Journal
) -> Iterator[Callable[[], Any]]:
    """Shows on stderr how many images were written; gives what counts one."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    done = sum(x["count"] + len(x["skipped"]) for x in journal.done.values())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        total = sum(images.count for images in splits.values())
        task = progress.add_task("Packing", total=total, completed=done)
        yield lambda: progress.advance(task)
