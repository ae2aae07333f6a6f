import subprocess
import sys

import numpy as np
import pytest

from keras_senet.training import memory

MEBIBYTE = 2**20


@pytest.mark.usefixtures("only_tensorflow")
def test_peak_memory_is_that_of_the_process():
    import psutil
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        assert all(name.startswith("GPU:") for name in memory.peak_memory())
        return
    block = np.ones(64 * MEBIBYTE, "uint8")
    before = psutil.Process().memory_info().rss
    del block
    peak = memory.peak_memory()
    assert list(peak) == ["host"]
    assert 0.99 * before <= peak["host"] < psutil.virtual_memory().total


def test_peak_memory_is_not_that_of_the_parent():
    block = np.ones(512 * MEBIBYTE, "uint8")
    # Without the package, which is large itself.
    code = (
        f"import runpy; print(runpy.run_path({memory.__file__!r})['peak_resident']())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    del block
    assert int(done.stdout) < 256 * MEBIBYTE
