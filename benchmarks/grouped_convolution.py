"""Our grouped convolution against Keras' own, on the TensorFlow backend.

python benchmarks/grouped_convolution.py

Forward, and forward with gradients, of the 3x3 convolution of SE-ResNeXt-50's stage 3
(256 channels in 32 groups, 28x28, batch 8), in graph mode, the two in turn in one
process; prints the ratio of median times, Keras' over ours.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_senet.layers import GroupedConv2D

ROUNDS = 5


def forward(layer: Any) -> Callable[[Any], Any]:
    """The layer alone, as a graph."""
    return tf.function(lambda x: layer(x))


def training(layer: Any) -> Callable[[Any], Any]:
    """The layer and its gradients, as a graph."""

    @tf.function
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(loss, [x, layer.kernel.value])

    return step


def seconds(step: Callable[[Any], Any], x: Any) -> float:
    """Runs a step once."""
    start = time.perf_counter()
    tf.nest.map_structure(lambda t: t.numpy(), step(x))
    return time.perf_counter() - start


def main() -> None:
    """Prints both ratios."""
    x = tf.constant(np.random.default_rng(0).normal(size=(8, 28, 28, 256)), tf.float32)
    options = {"padding": "same", "groups": 32, "use_bias": False}
    layers = [GroupedConv2D(256, 3, **options), keras.layers.Conv2D(256, 3, **options)]
    for layer in layers:
        layer.build(x.shape)
    for name, kind in (("forward", forward), ("with gradients", training)):
        ours, theirs = (kind(layer) for layer in layers)
        pairs = [(seconds(ours, x), seconds(theirs, x)) for _ in range(ROUNDS + 1)]
        medians = [statistics.median(column) for column in zip(*pairs[1:], strict=True)]
        print(f"{name}: Keras takes {medians[1] / medians[0]:.1f} times as long")


if __name__ == "__main__":
    main()
