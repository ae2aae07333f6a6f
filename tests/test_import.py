"""`import keras_senet` is light, on every backend."""

import importlib.util
import os
import subprocess
import sys

import pytest

NEVER = {"tensorflow_datasets", "tf2onnx", "onnx", "onnxruntime", "torch"}
BACKENDS = {
    "tensorflow": NEVER,
    "jax": NEVER | {"tensorflow"},
    "torch": NEVER - {"torch"} | {"tensorflow"},
}
PRINT = "print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def imported(script, backend):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {script}; {PRINT}"],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_little_is_imported(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    ours = imported("import keras_senet", backend)
    assert not ours & BACKENDS[backend]
    # Keras itself loads much; nothing but h5py's and our own modules may come on top.
    on_top = ours - imported("import keras", backend)
    assert on_top <= {"keras_senet", "h5py"}


def test_every_public_name_exists():
    import keras_senet

    assert sorted(keras_senet.__all__) == sorted(set(keras_senet.__all__))
    for name in keras_senet.__all__:
        assert getattr(keras_senet, name) is not None
