import pytest
from exported_networks import NETWORKS
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
