import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)
    yield
    # Otherwise Keras keeps the variables of models that were built for their shapes
    # alone, and the next test that traces a layer draws tens of thousands of them.
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")


@pytest.fixture(scope="module")
def graphs_as_they_are():
    """Half of the time of a small pipeline goes into making its graph faster."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture
def only_tensorflow():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs Keras' TensorFlow backend")


@pytest.fixture
def timm():
    """timm, or a skip; a failure where it must be there."""
    import timm_reference

    try:
        return timm_reference.import_timm()
    except ImportError as error:
        if os.environ.get("KERAS_SENET_REQUIRE_TIMM") == "1":
            raise
        pytest.skip(f"timm is not installed ({error})")


def pytest_collection_modifyitems(items):
    """Begins with the longest files, so that no worker is left waiting for one."""
    long = ("test_runs.py", "test_saved_model.py", "test_docs.py")
    items.sort(key=lambda item: item.path.name not in long)
