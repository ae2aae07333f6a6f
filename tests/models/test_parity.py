"""How far apart the two dialects are, with the same weights.

Logits of published networks against timm: tests/weights/test_published.py.
"""

import keras
import numpy as np
import pytest

import keras_senet


@pytest.mark.slow
def test_the_dialects_differ_visibly():
    keras.utils.set_random_seed(0)
    ours = {
        variant: keras_senet.SEResNet50(
            weights=None,
            variant=variant,
            input_shape=(None, None, 3),
            classifier_activation=None,
        )
        for variant in ("pytorch", "caffe")
    }
    ours["caffe"].set_weights(ours["pytorch"].get_weights())
    images = np.random.default_rng(0).normal(size=(1, 197, 229, 3)).astype("float32")
    a, b = (keras.ops.convert_to_numpy(m(images)) for m in ours.values())
    # Parity tests have a limit of 1e-4.
    assert np.abs(a - b).max() / a.std() > 1e-2
