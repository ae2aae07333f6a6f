import pytest
from lite_runs import answers, difference
from seeded import images, tiny

from keras_senet.export.description import Description
from keras_senet.export.lite_model import count_operations
from keras_senet.export.lite_writing import write_lite
from keras_senet.models import families

pytestmark = [
    pytest.mark.export,
    pytest.mark.slow,
    pytest.mark.usefixtures("only_tensorflow"),
]
# Each is built of the same parts as one that is shorter.
LONG = (
    "se_resnet34",
    "se_resnet101",
    "se_resnet152",
    "se_resnext50",
    "se_resnext101",
    "se_resnext101_64x4d",
    "se_resnext101_32x8d",
    "se_resnet32",
    "se_resnet56",
    "se_resnet110",
)
NETWORKS = [
    pytest.param(name, marks=pytest.mark.rare if name in LONG else ())
    for name in families.NETWORKS
]


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_keras(name, tmp_path):
    model = tiny(families.NETWORKS[name], name)
    path, x = tmp_path / "network.tflite", images(model)
    shape = model.input_shape[1:]
    description = Description(name=name, shape=shape, pixels="", output="logits")
    write_lite(model, path, description)
    expected = model.predict_on_batch(x)
    for xnnpack in (True, False):
        assert difference(expected, answers(path, x, xnnpack=xnnpack)) <= 1e-4
    operations = count_operations(path)
    assert "CUSTOM" not in operations
    if name != "se_shufflenet":
        assert "TRANSPOSE" not in operations
    if model.count_params() > 20e6:
        assert path.stat().st_size <= 1.02 * 4 * model.count_params()
