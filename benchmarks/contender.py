"""What every process of a benchmark does that takes turns with others.

It reads from stdin for how many seconds to work next, and answers with images per
second. What its work is, is an entry, as JSON on its command line.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TextIO

WARM_UP, CALIBRATION = 2, 2


def turns(replies: TextIO, images: int, wait: Callable[[], object]) -> Iterator[None]:
    """To be advanced before each step; its end is the end of all steps.

    Args:
        replies: Where the answers go.
        images: In a step.
        wait: Returns when the last step is done.
    """

    def seconds(steps: int) -> Iterator[None]:
        start = time.perf_counter()
        yield from [None] * steps
        wait()
        elapsed.append(time.perf_counter() - start)

    elapsed: list[float] = []
    yield from seconds(WARM_UP)
    yield from seconds(CALIBRATION)
    per_step = elapsed[-1] / CALIBRATION
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        count = max(1, round(float(line) / per_step))
        yield from seconds(count)
        print(images * count / elapsed[-1], file=replies, flush=True)


def timm_network() -> Any:
    """The SE-ResNet-50 of timm, whose import wants operators that it never calls."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor d, Tensor s, float t) -> Tensor")
        library.define("qnms(Tensor d, Tensor s, float t) -> Tensor")
    import timm

    return timm.create_model("seresnet50", pretrained=False)


def answer(
    work: Callable[[Any, Callable[..., Iterator[None]]], None], entry: Any
) -> None:
    """Takes turns until stdin ends.

    Args:
        work: Works, and advances the iterator before each step.
        entry: What it works on; `batch_size` images in a step.
    """
    # For the answers alone; whatever else is printed goes to stderr.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        work(entry, partial(turns, replies, entry.batch_size))
    except ModuleNotFoundError as error:
        print(f"not installed: {error.name}", file=replies, flush=True)
