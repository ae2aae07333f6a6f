"""Networks of the papers at full size, through every format, in its own runtime.

With seeded weights whose spread stays moderate, so that float32 suffices.
"""

import gc

import keras
import pytest
from seeded import seed_weights

import keras_senet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.export,
    pytest.mark.rare,
    pytest.mark.usefixtures("only_tensorflow"),
]
# Convolutions of the network, with two for each block.
NETWORKS = {
    "SEResNet50": 53 + 32,
    "SEResNeXt50": 53 + 32,
    "SENet154": 157 + 100,
    "SEBNInception": 69 + 20,
    "SEInceptionResNetV2": 244 + 86,
}


@pytest.fixture(scope="module", params=NETWORKS)
def subject(request):
    from keras_senet.export import describe, prepare

    model = getattr(keras_senet, request.param)(weights=None)
    seed_weights(model)
    known = "seresnet50.ra2_in1k"
    yield request.param, prepare(describe(model, preprocessing=known))
    keras.utils.clear_session(free_memory=False)
    gc.collect()


def test_every_format(subject, tmp_path):
    from keras_senet.export import to_onnx, to_saved_model, to_tflite

    name, subject = subject
    reports = [
        to_saved_model(subject, tmp_path / "saved_model"),
        to_tflite(subject, tmp_path / "model.tflite"),
        to_tflite(subject, tmp_path / "half.tflite", precision="float16"),
        to_onnx(subject, tmp_path / "model.onnx"),
        to_onnx(subject, tmp_path / "half.onnx", precision="float16"),
    ]
    for report in reports:
        print(
            f"{name} {report.format} {report.precision}: "
            f"{report.relative_difference:.1e} of the logits' deviation, "
            f"{report.bytes / report.parameter_bytes:.3f} of the weights, "
            f"{sum(report.operations.values())} operations, "
            f"{report.keras_operations[0]} -> {report.keras_operations[1]} in Keras"
        )
        limit = 1e-4 if report.precision == "float32" else 1e-2
        assert report.relative_difference <= limit
        if report.precision == "float32" and report.parameter_bytes > 80e6:
            assert report.bytes <= 1.02 * report.parameter_bytes
    assert reports[3].operations["Conv"] == NETWORKS[name]
    assert reports[1].operations["CONV_2D"] == NETWORKS[name]
