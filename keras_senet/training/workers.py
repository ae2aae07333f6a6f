"""The processes of a run, on one machine or more."""

import json
import os
from dataclasses import dataclass
from typing import Any

from keras_senet.errors import InputError

# Where TensorFlow, and whatever starts its processes, says which they are.
VARIABLE = "TF_CONFIG"


@dataclass(frozen=True)
class Workers:
    """The processes that share each batch of a run.

    Attributes:
        index: Number of this process, from 0.
        count: How many there are.
    """

    index: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes files; the first one does."""
        return self.index == 0


def announce(addresses: str, index: int) -> None:
    """Tells TensorFlow about the processes, as whoever starts them may do, too.

    Args:
        addresses: `host:port` of each process, separated by commas, the same
            everywhere.
        index: Number of this process, from 0.

    Raises:
        InputError: If this is no list of addresses, or has no such number.
    """
    listed = [address.strip() for address in addresses.split(",")]
    for address in listed:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise InputError(
                "--workers should be host:port,host:port,... "
                f"Received: {address or addresses}"
            )
    if not 0 <= index < len(listed):
        raise InputError(
            f"--worker should be from 0 to {len(listed) - 1}. Received: {index}"
        )
    cluster = {
        "cluster": {"worker": listed},
        "task": {"type": "worker", "index": index},
    }
    os.environ[VARIABLE] = json.dumps(cluster)


def announced() -> Workers:
    """The processes that TensorFlow has been told about.

    Returns:
        One process, if it has been told nothing.

    Raises:
        InputError: If it has been told what we do not understand.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return Workers()
    try:
        told = json.loads(text)
        cluster, task = told["cluster"], told["task"]
        kinds, index = set(cluster), int(task["index"])
        listed, kind = list(cluster["worker"]), task["type"]
        told_right = not isinstance(cluster["worker"], (str, dict))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{VARIABLE} cannot be understood: {text}") from error
    told_right = told_right and kinds == {"worker"} and kind == "worker"
    if not told_right or not 0 <= index < len(listed):
        raise InputError(
            f"{VARIABLE} should have workers only, and a task that is one of them. "
            f"Received: {text}"
        )
    return Workers(index, len(listed))


def allow_several_workers() -> None:
    """Lets `fit` of Keras 3 run on several workers, which it fails to do by itself.

    It takes one batch to see what kind it is, and reduces it over all workers, which
    fails for what is on one; and it reduces logs, which have no axis, along the first
    one. Both are replaced for `MultiWorkerMirroredStrategy` alone. This is no public
    interface of Keras: `tests/training/test_workers.py` would notice a change.
    """
    import tensorflow as tf
    from keras.src.backend.tensorflow import trainer

    if getattr(trainer, "_several_workers", False):
        return
    trainer._several_workers = True
    own_reduce = trainer.reduce_per_replica
    own_build = trainer.TensorFlowTrainer._maybe_symbolic_build

    def is_ours(strategy: Any) -> bool:
        return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)

    def reduce(values: Any, strategy: Any, reduction: str) -> Any:
        if not is_ours(strategy) or reduction not in ("auto", "mean"):
            return own_reduce(values, strategy, reduction)
        return tf.nest.map_structure(
            lambda value: strategy.reduce("MEAN", value, axis=None), values
        )

    def build(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
        strategy = self.distribute_strategy
        if not is_ours(strategy) or iterator is None:
            own_build(self, iterator=iterator, data_batch=data_batch)
            return
        for _, _, each in iterator:
            batch = next(each)
            break
        first = tf.nest.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], batch
        )
        with strategy.scope():
            self._symbolic_build(data_batch=first)

    trainer.reduce_per_replica = reduce
    trainer.TensorFlowTrainer._maybe_symbolic_build = build
