"""How many batches there are, and how large they are for each worker."""

from keras_senet.data.source import Source
from keras_senet.errors import InputError


def steps_per_epoch(source: Source, batch_size: int, workers: int = 1) -> int:
    """How many batches an epoch has.

    Args:
        source: The data set.
        batch_size: Images in a batch, over all workers and replicas.
        workers: How many workers share each batch.

    Returns:
        At least one.

    Raises:
        InputError: If there are too few images for one, or the workers cannot share
            a batch equally.
    """
    share = worker_share(batch_size, workers)
    steps = source.train.share(workers) // share
    if not steps:
        raise InputError(
            f"{source.name} has {source.train.count} training images, which do not "
            f"fill one batch of {batch_size}; choose a smaller --batch-size."
        )
    return steps


def worker_share(batch_size: int, workers: int, worker: int = 0) -> int:
    """How many images of each batch are for one worker.

    Args:
        batch_size: Images in a batch, over all workers and replicas.
        workers: How many workers share each batch.
        worker: Number of this worker, from 0.

    Returns:
        At least one.

    Raises:
        InputError: If the workers cannot share a batch equally, or there is no such
            worker.
    """
    if workers < 1 or not 0 <= worker < workers:
        raise InputError(
            "worker should be from 0 to below workers. "
            f"Received: worker={worker}, workers={workers}"
        )
    if batch_size < 1 or batch_size % workers:
        raise InputError(
            f"The batch should be positive and divide by {workers} workers. "
            f"Received: batch_size={batch_size}"
        )
    return batch_size // workers


def check_interval(
    first_epoch: int, last_epoch: int, first_step: int, steps: int
) -> None:
    """Refuses to begin or to end where no epoch does.

    Args:
        first_epoch: Number of the first epoch.
        last_epoch: Number of the epoch to end before.
        first_step: How many batches of the first epoch to leave out.
        steps: How many batches an epoch has.

    Raises:
        InputError: If these are out of their ranges.
    """
    if not 0 <= first_epoch < last_epoch:
        raise InputError(
            "first_epoch should be from 0 to below last_epoch. "
            f"Received: first_epoch={first_epoch}, last_epoch={last_epoch}"
        )
    if not 0 <= first_step < steps:
        raise InputError(
            f"first_step should be from 0 to below the {steps} batches of an epoch. "
            f"Received: first_step={first_step}"
        )
