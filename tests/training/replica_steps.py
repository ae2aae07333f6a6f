"""A few steps of training on some devices, as a program; not a test itself.

python replica_steps.py '{"devices": 2, "weights": "two.npz"}'

Prints what it saw as JSON in its last line, and writes the weights.
"""

import json
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_senet
from keras_senet.data.digits import digits
from keras_senet.data.pipeline import evaluation_batches, training_batches
from keras_senet.preprocessing import normalization_layer
from keras_senet.training.copies import with_batch_norm
from keras_senet.training.distribute import run_strategy
from keras_senet.training.optimizers import PenalizedSGD


class Watched(keras.Model):
    """A model that notes how many images each replica gets."""

    def train_step(self, data: Any) -> Any:
        self.shares.append(int(data[0].shape[0]))
        return super().train_step(data)


def compiled(network: str, size: int, jit_compile: bool) -> Watched:
    """A network with the normalization inside; to be called in a strategy's scope."""
    images = keras.Input((size, size, 3))
    model = getattr(keras_senet, network)(
        weights=None, classes=10, input_tensor=normalization_layer()(images)
    )
    model = with_batch_norm(model, synchronized=True)
    model = Watched(model.input, model.output)
    model.shares = []
    # Small steps, since large ones amplify the rounding of another summation.
    model.compile(
        PenalizedSGD(1e-3, momentum=0.9, decay=1e-4),
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    return model


def main(
    *,
    weights: str,
    devices: int = 1,
    network: str = "SEResNet20",
    size: int = 16,
    batch_size: int = 128,
    steps: int = 3,
    precision: str = "float32",
    jit_compile: bool = False,
) -> dict[str, Any]:
    """Trains, and evaluates with a last batch of seven images."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    strategy = run_strategy(devices)
    with strategy.scope():
        model = compiled(network, size, jit_compile)
    batches = training_batches(
        digits(), size=size, batch_size=batch_size, seed=0, first_epoch=0, last_epoch=1
    )
    before = model.get_weights()
    history = model.fit(
        batches, steps_per_epoch=steps, shuffle=False, verbose=0
    ).history
    test = digits().test
    _, accuracy = model.evaluate(
        evaluation_batches(test, size=size, batch_size=test.count - 7), verbose=0
    )
    after = model.get_weights()
    np.savez(weights, *after)
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "strategy": type(strategy).__name__,
        "replicas": strategy.num_replicas_in_sync,
        "shares": model.shares,
        "loss": history["loss"][-1],
        "changed": sum(
            not np.array_equal(*pair) for pair in zip(before, after, strict=True)
        ),
        "correct": accuracy * test.count,
        "growth": [tf.config.experimental.get_memory_growth(gpu) for gpu in gpus],
    }


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(sys.argv[1]))))
