"""Which devices a run uses, and how."""

import functools
from typing import Any

import keras

from keras_senet.errors import InputError


@functools.cache
def mirrored_strategy(devices: int | None = None) -> Any:
    """The strategy that keeps a replica of the network on each device.

    There is one strategy object for each number of devices and process, since
    TensorFlow's collective operations do not survive a second one.

    Args:
        devices: How many GPUs to use, or, on a machine without any, into how
            many logical devices to divide the CPU. `None` is all GPUs, or the
            undivided CPU.

    Returns:
        A `tf.distribute.MirroredStrategy`.

    Raises:
        InputError: If there are not as many GPUs, or the CPU cannot be divided
            any more, because TensorFlow has started.
    """
    import tensorflow as tf

    if devices is not None and devices < 1:
        raise InputError(f"devices should be at least 1. Received: {devices}")
    kind, names = "GPU", tf.config.list_physical_devices("GPU")
    if names and devices is not None and devices > len(names):
        raise InputError(f"There are {len(names)} GPUs. Received: devices={devices}")
    if not names:
        kind = "CPU"
        _divide_cpu(devices or 1)
        names = tf.config.list_logical_devices("CPU")
    count = devices or (len(names) if kind == "GPU" else 1)
    # Hierarchical or NCCL reductions are for GPUs.
    reduction = None if kind == "GPU" else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(
        [f"{kind}:{index}" for index in range(count)], cross_device_ops=reduction
    )


def with_batch_norm(model: keras.Model, *, synchronized: bool) -> keras.Model:
    """Copies a model with another kind of batch normalization.

    Replicas that normalize by their own share of the batch also keep moving
    statistics of their own, of which Keras saves the first replica's: the saved
    model is not the one that was validated. Synchronized ones take the whole
    batch, so that any number of replicas computes what one would.

    Args:
        model: A functional model.
        synchronized: Whether statistics are taken over all replicas.

    Returns:
        A new model with the same weights, not compiled.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.BatchNormalization):
            config["synchronized"] = synchronized
        return type(layer).from_config(config)

    # A new shell around the same layers leaves the optimizer out.
    shell = keras.Model(model.input, model.output, name=model.name)
    copy = keras.models.clone_model(shell, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy


def _divide_cpu(count: int) -> None:
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    wanted = [tf.config.LogicalDeviceConfiguration()] * count
    try:
        tf.config.set_logical_device_configuration(cpu, wanted)
    except RuntimeError as error:
        present = len(tf.config.list_logical_devices("CPU"))
        if present < count:
            raise InputError(
                f"The CPU is {present} logical devices since TensorFlow started in "
                f"this process. Received: devices={count}"
            ) from error
