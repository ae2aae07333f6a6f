import pytest

from keras_senet.errors import InputError
from keras_senet.training.recipe import Recipe


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"model": "se_resnet5"},
            r"no network 'se_resnet5'. Did you mean .*se_resnet50",
        ),
        ({"model": "SEResNet50"}, "Did you mean se_resnet50"),
        ({"model": "zzz"}, "Known: se_bn_inception"),
        ({"epochs": 0}, "epochs should be at least 1"),
        ({"batch_size": -1}, "batch_size should be at least 1"),
        ({"image_size": 0}, "image_size should be at least 1"),
        ({"reduction": 0}, "reduction should be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate should be positive"),
        ({"learning_rate": float("nan")}, "learning_rate should be positive"),
        ({"seed": -1}, "seed should be in"),
    ],
)
def test_bad_values(arguments, message):
    with pytest.raises(InputError, match=message):
        Recipe(**arguments)
