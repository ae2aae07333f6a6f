"""What `training.py` compares: processes that take steps when they are told to.

A process reads from stdin for how many seconds to train next, and answers with images
per second. What it does is an `Entry`, as JSON on its command line.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from contender import answer, timm_network

CLASSES = 1000
# More steps than a measurement has.
ENDLESS = 10**6


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one process does.

    Attributes:
        kind: `keras`, `applications`, `timm`, or `pipeline`, which only reads images.
        network: A function of `keras_senet`.
        reduction: Of SE; `None` is the network without SE.
        batch_size: Images in a step, over all devices.
        image_size: Side of the images.
        precision: Dtype policy.
        jit_compile: Whether XLA compiles the step; always so on JAX.
        devices: Replicas, on as many GPUs or logical CPU devices.
        backend: Of Keras.
        root: Folder of JPEGs to train on, instead of the same batch again and again.
        channels_last: The memory format of PyTorch.
        cores: How many CPU cores it may use; `None` is all.
    """

    kind: str = "keras"
    network: str = "SEResNet50"
    reduction: int | None = 16
    batch_size: int = 8
    image_size: int = 224
    precision: str = "float32"
    jit_compile: bool = False
    devices: int = 1
    backend: str = "tensorflow"
    root: str | None = None
    channels_last: bool = False
    cores: int | None = None


def jpegs(entry: Entry) -> Any:
    """The batches of our pipeline, with the paper's augmentation."""
    from keras_senet.data.augmentation import PAPER
    from keras_senet.data.folder import folder
    from keras_senet.data.pipeline import training_batches

    return training_batches(
        folder(str(entry.root)),
        size=entry.image_size,
        batch_size=entry.batch_size,
        seed=0,
        first_epoch=0,
        last_epoch=ENDLESS,
        augmentation=PAPER,
    )


def same_batch(entry: Entry) -> Any:
    """One batch of noise, again and again, as `fit` takes it."""
    import keras
    import numpy as np

    random = np.random.default_rng(0)
    shape = (entry.batch_size, entry.image_size, entry.image_size, 3)
    images = random.integers(0, 256, shape, dtype="uint8")
    labels = random.integers(0, CLASSES, entry.batch_size)
    if entry.backend == "tensorflow":
        import tensorflow as tf

        return tf.data.Dataset.from_tensors((images, labels)).repeat(ENDLESS)

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return ENDLESS

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return images, labels

    return Batches()


def keras_model(entry: Entry) -> Any:
    """A network with the normalization inside, compiled as the paper trains."""
    import keras

    import keras_senet
    from keras_senet.preprocessing import normalization_layer

    side = entry.image_size
    images = keras.Input((side, side, 3))
    x = normalization_layer()(images)
    if entry.kind == "applications":
        model = keras.applications.ResNet50(weights=None, input_tensor=x)
    else:
        build = getattr(keras_senet, entry.network)
        model = build(
            weights=None, input_tensor=x, classes=CLASSES, reduction=entry.reduction
        )
    if entry.devices > 1:
        from keras_senet.training.copies import with_batch_norm

        model = with_batch_norm(model, synchronized=True)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        jit_compile=entry.jit_compile or entry.backend == "jax",
    )
    return model


def train_keras(entry: Entry, turns_of: Callable[..., Iterator[None]]) -> None:
    """Takes steps within one call of `fit`."""
    import keras

    keras.config.set_dtype_policy(entry.precision)
    if entry.backend == "tensorflow":
        from keras_senet.training.distribute import run_strategy

        with run_strategy(entry.devices).scope():
            model = keras_model(entry)
    else:
        model = keras_model(entry)

    def wait() -> float:
        if entry.backend == "jax":
            # Otherwise the model's variables are those of the beginning.
            model.jax_state_sync()
        return float(model.get_metrics_result()["loss"])

    steps = turns_of(wait)

    def before_step(batch: int, logs: Any) -> None:
        if next(steps, StopIteration) is StopIteration:
            sys.exit()

    model.fit(
        same_batch(entry) if entry.root is None else jpegs(entry),
        steps_per_epoch=ENDLESS,
        shuffle=False,
        verbose=0,
        # No look at the end of a step, which would wait for it on a GPU.
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_begin=before_step)],
    )


def train_timm(entry: Entry, turns_of: Callable[..., Iterator[None]]) -> None:
    """Takes steps in PyTorch, on a batch that is normalized already."""
    import torch

    kind = torch.channels_last if entry.channels_last else torch.contiguous_format
    model = timm_network().train()
    model = model.to(memory_format=kind)
    side = entry.image_size
    images = torch.randn(entry.batch_size, 3, side, side).to(memory_format=kind)
    labels = torch.randint(0, CLASSES, (entry.batch_size,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in turns_of(lambda: None):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()


def read_only(entry: Entry, turns_of: Callable[..., Iterator[None]]) -> None:
    """Reads the images and trains nothing."""
    batches = iter(jpegs(entry))
    for _ in turns_of(lambda: None):
        next(batches)


KINDS = {
    "keras": train_keras,
    "applications": train_keras,
    "timm": train_timm,
    "pipeline": read_only,
}


if __name__ == "__main__":
    entry = Entry(**json.loads(sys.argv[1]))
    if entry.cores is not None:
        # All libraries go by it.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: entry.cores])
    os.environ["KERAS_BACKEND"] = entry.backend
    answer(KINDS[entry.kind], entry)
