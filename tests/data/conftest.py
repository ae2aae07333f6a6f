import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def graphs_as_they_are():
    """Half of the time of a small pipeline goes into making its graph faster."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
