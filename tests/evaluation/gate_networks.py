"""Networks whose gates are known, for tests of what is made of gates."""

import keras
import numpy as np

import keras_senet


def transparent(channels=3):
    """A network of one block, whose gates are the mean pixels."""
    inputs = keras.Input((None, None, channels))
    block = keras_senet.SqueezeExcite(
        1, activation="linear", gate_activation="linear", name="stage2_block1_se"
    )
    model = keras.Model(inputs, block(inputs))
    for kernel in (block.reduce_kernel, block.expand_kernel):
        kernel.assign(np.eye(channels))
    return model


def padded(images, labels, sizes):
    """Batches of these sizes, each with two images of padding, which is no number."""
    start = 0
    for size in sizes:
        rows = slice(start, start + size)
        start += size
        yield (
            np.concatenate(
                [images[rows], np.full((2, *images.shape[1:]), np.nan, "f4")]
            ),
            np.concatenate([labels[rows], [-1, 10**6]]),
            np.concatenate([np.ones(len(images[rows])), np.zeros(2)]),
        )


def as_images(gates):
    """Images of one pixel, of which `transparent` makes these gates."""
    return np.asarray(gates, "float32")[:, np.newaxis, np.newaxis]
