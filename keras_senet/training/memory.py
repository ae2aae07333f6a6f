"""How much memory a run has taken at most."""

import re
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory() -> dict[str, int]:
    """The most memory that was in use at once since the process began.

    Returns:
        Bytes, by the name of each GPU that TensorFlow uses (`"GPU:0"`, of what its
        allocator had given away); or, where there is none, those of the process, as
        `"host"`.
    """
    import tensorflow as tf

    gpus = [
        f"GPU:{index}" for index in range(len(tf.config.list_logical_devices("GPU")))
    ]
    if gpus:
        return {
            name: tf.config.experimental.get_memory_info(name)["peak"] for name in gpus
        }
    return {"host": peak_resident()}


def peak_resident() -> int:
    """The most resident memory of this process until now, in bytes."""
    # What getrusage says counts the parent, too, which was so large before exec.
    if STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", STATUS.read_text(), re.M)
        if found:
            return int(found[1]) * 1024
    import psutil

    memory = psutil.Process().memory_info()
    return getattr(memory, "peak_wset", memory.rss)
