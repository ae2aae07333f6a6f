"""Which weights are trained in which epochs."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.errors import InputError
from keras_senet.training.freezing import Phase, freeze, phases, stage_names
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipe_text import recipe_from


def test_phases_cover_all_epochs():
    assert phases(Recipe()) == [Phase(0, 20, None, False)]
    recipe = recipe_from(
        {
            "finetuning": {
                "freeze_until": "head",
                "unfreeze": [[3, "stage4"], [5, "stem"]],
            },
            "regularization": {"frozen_batch_norm": 2},
        }
    )
    assert phases(recipe) == [
        Phase(0, 3, "head", False),
        Phase(3, 5, "stage4", False),
        Phase(5, 18, "stem", False),
        Phase(18, 20, "stem", True),
    ]


def test_freezing_by_stage():
    model = keras_senet.SEResNet20(weights=None, input_shape=(8, 8, 3))
    assert stage_names(model) == ["stem", "stage2", "stage3", "stage4", "head"]
    freeze(model, Phase(0, 1, "stage4", False))
    trained = {x.path.split("_")[0] for x in model.trainable_variables}
    assert trained == {"stage4", "predictions/kernel", "predictions/bias"}
    freeze(model, Phase(0, 1, "head", False))
    assert len(model.trainable_variables) == 2
    freeze(model, Phase(0, 1, None, True))
    names = {x.path.split("/")[-1] for x in model.trainable_variables}
    assert not names & {"gamma", "beta"}
    freeze(model, Phase(0, 1, None, False))
    # 21 convolutions, as many normalizations, 9 blocks of SE, the classifier.
    assert len(model.trainable_variables) == 21 + 2 * 21 + 4 * 9 + 2
    with pytest.raises(InputError, match=r"stage2.*head. Received: 'stage9'"):
        freeze(model, Phase(0, 1, "stage9", False))


def test_frozen_batch_normalization_is_in_inference_mode():
    model = keras_senet.SEResNet20(weights=None, input_shape=(8, 8, 3))
    freeze(model, Phase(0, 1, None, True))
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    training = keras.ops.convert_to_numpy(model(x, training=True))
    np.testing.assert_array_equal(training, keras.ops.convert_to_numpy(model(x)))
