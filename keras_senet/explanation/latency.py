"""How much faster one model answers than another, measured side by side."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

# Rounds, and the seconds after which no further one begins.
ROUNDS, ENOUGH = 31, 4.0


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The time of one model over that of another, call by call in turn.

    Attributes:
        median: Of the ratios of all rounds; below one the new model is faster.
        low: A tenth of the ratios are below.
        high: A tenth of the ratios are above.
        rounds: How many there were.
        batch: Images in a call.
    """

    median: float
    low: float
    high: float
    rounds: int
    batch: int


def compiled(model: keras.Model) -> Callable[[Any], Any]:
    """The inference of a model as one TensorFlow graph, for batches of any size."""
    import tensorflow as tf

    (given,) = model.inputs
    dtype, shape = given.dtype, (None, *given.shape[1:])
    graph = tf.function(lambda images: model(images, training=False))
    # Traced once, and not each time by TensorFlow's own choice.
    traced = graph.get_concrete_function(tf.TensorSpec(shape, dtype))
    return lambda images: traced(tf.cast(images, dtype)).numpy()


def time_ratio(
    before: Callable[[Any], Any], after: Callable[[Any], Any], images: Any
) -> Ratio:
    """Times two functions in turn, so that the machine's moods meet both.

    Args:
        before: The function as it was, such as one of `compiled`; it has to wait for
            its answer.
        after: The other one.
        images: What both are called on.

    Returns:
        The ratio of `after` over `before`.
    """
    functions = (before, after)
    for function in functions:
        function(images)
    ratios: list[float] = []
    started = time.perf_counter()
    while len(ratios) < ROUNDS and time.perf_counter() - started < ENOUGH:
        # Each begins every other round: the first call finds other caches.
        order = (0, 1) if len(ratios) % 2 else (1, 0)
        seconds = [0.0, 0.0]
        for place in order:
            start = time.perf_counter()
            functions[place](images)
            seconds[place] = time.perf_counter() - start
        ratios.append(seconds[1] / seconds[0])
    low, median, high = np.quantile(ratios, (0.1, 0.5, 0.9))
    return Ratio(
        median=float(median),
        low=float(low),
        high=float(high),
        rounds=len(ratios),
        batch=len(images),
    )
