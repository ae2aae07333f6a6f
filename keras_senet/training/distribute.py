"""Which devices a run uses, and how."""

import functools
from collections.abc import Callable
from typing import Any

from keras_senet.errors import InputError
from keras_senet.training.workers import Workers, allow_several_workers

ALONE = Workers()


@functools.cache
def run_strategy(devices: int | None = None, workers: Workers = ALONE) -> Any:
    """The strategy that keeps a replica of the network on each device.

    There is one strategy object for each number of devices and process, since
    TensorFlow's collective operations do not survive a second one.

    Args:
        devices: How many GPUs to use, or, on a machine without any, into how
            many logical devices to divide the CPU. `None` is all GPUs, or the
            undivided CPU.
        workers: The processes that share the work.

    Returns:
        TensorFlow's default strategy for one device; a
        `tf.distribute.MirroredStrategy` for several; a
        `tf.distribute.MultiWorkerMirroredStrategy` for several processes.

    Raises:
        InputError: If there are not as many GPUs, or the CPU cannot be divided
            any more, because TensorFlow has started.
    """
    import tensorflow as tf

    if devices is not None and devices < 1:
        raise InputError(f"devices should be at least 1. Received: {devices}")
    names = tf.config.list_physical_devices("GPU")
    if names and devices is not None and devices > len(names):
        raise InputError(f"There are {len(names)} GPUs. Received: devices={devices}")
    for gpu in names:
        # Otherwise the first process takes all of the memory.
        tf.config.experimental.set_memory_growth(gpu, True)
    if names and devices is not None:
        tf.config.set_visible_devices(names[:devices], "GPU")
    count = devices or len(names) or 1
    if workers.count > 1:
        return _several_workers(bool(names), count)
    if not names:
        _divide_cpu(count)
    if count == 1:
        return tf.distribute.get_strategy()
    kind = "GPU" if names else "CPU"
    # Hierarchical or NCCL reductions are for GPUs.
    reduction = None if names else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(
        [f"{kind}:{index}" for index in range(count)], cross_device_ops=reduction
    )


def shared_out(strategy: Any, workers: Workers, make: Callable[[int, int], Any]) -> Any:
    """Makes batches, and shares them out among processes.

    Args:
        strategy: That of `run_strategy`.
        workers: The processes.
        make: From the number of a process, and of how many, to a `tf.data.Dataset`
            of its share of each batch.

    Returns:
        What `Model.fit` takes.
    """
    import tensorflow as tf

    if workers.count == 1:
        return make(0, 1)
    local = strategy.num_replicas_in_sync // workers.count

    def share(context: Any) -> Any:
        own = make(context.input_pipeline_id, context.num_input_pipelines)
        size = own.element_spec[0].shape[0] // local
        count = tf.data.experimental.cardinality(own) * local
        rebatched = own.rebatch(size, drop_remainder=True)
        return rebatched.apply(tf.data.experimental.assert_cardinality(count))

    return strategy.distribute_datasets_from_function(share)


def wait_for_all(strategy: Any, workers: Workers) -> None:
    """Waits until all processes are here; one that left would take others along.

    Args:
        strategy: That of `run_strategy`.
        workers: The processes.
    """
    import tensorflow as tf

    if workers.count > 1:
        strategy.reduce(tf.distribute.ReduceOp.SUM, tf.constant(1.0), axis=None)


def _several_workers(on_gpus: bool, devices: int) -> Any:
    import tensorflow as tf

    if not on_gpus and devices > 1:
        raise InputError(
            "Without GPUs each process is one replica; start more of them. "
            f"Received: devices={devices}"
        )
    allow_several_workers()
    kinds = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=kinds.AUTO if on_gpus else kinds.RING
    )
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


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
