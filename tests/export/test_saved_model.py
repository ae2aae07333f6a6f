import keras
import numpy as np
import pytest

import keras_senet

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    from keras_senet.export import parity, saved_model, to_saved_model
    from keras_senet.export.parity import ParityError


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    # With grouped convolutions, the part that others export wrongly.
    return keras_senet.SEResNeXt26(weights=None, input_shape=(32, 32, 3), classes=5)


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(6, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def report(model, tmp_path_factory):
    x = np.random.default_rng(0).normal(size=(6, 32, 32, 3)).astype("float32")
    return to_saved_model(model, tmp_path_factory.mktemp("models") / "exported", x)


def test_versions_count_on(tmp_path):
    assert saved_model.next_version(tmp_path / "none") == 1
    for name in ("2", "10", "notes", "003x"):
        (tmp_path / name).mkdir()
    assert saved_model.next_version(tmp_path) == 11


def test_answers_in_a_fresh_process(report, model, images):
    assert (report.path.parent.name, report.path.name) == ("exported", "1")
    assert report.images == 6
    assert report.largest_difference <= 1e-5
    answers = parity.replay(report.path, {"images": images[:1]})
    np.testing.assert_allclose(
        answers["probabilities"], model.predict_on_batch(images[:1]), atol=1e-5
    )


def test_variables_are_stored_once(report, model):
    size = sum(f.stat().st_size for f in (report.path / "variables").iterdir())
    assert size < 1.05 * 4 * model.count_params()


def test_no_function_must_be_compiled(report):
    text = (report.path / "saved_model.pb").read_bytes()
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel.FromString(text)
    functions = proto.meta_graphs[0].graph_def.library.function
    assert not [f for f in functions if f.attr["_XlaMustCompile"].b]
    signature = proto.meta_graphs[0].signature_def["serving_default"]
    assert list(signature.inputs) == ["images"]
    assert list(signature.outputs) == ["probabilities"]


@pytest.mark.slow
def test_other_answers_are_refused_and_nothing_is_left(
    model, images, tmp_path, monkeypatch
):
    honest = saved_model.replay

    def dishonest(path, inputs):
        answers = honest(path, inputs)
        answers["probabilities"][3, 2] += 2e-5
        return answers

    monkeypatch.setattr(saved_model, "replay", dishonest)
    with pytest.raises(ParityError, match=r"differ .* by up to 2\.0\de-05"):
        to_saved_model(model, tmp_path / "exported", images)
    assert list((tmp_path / "exported").iterdir()) == []


def test_comparison_refuses_shapes_and_numbers_that_are_none():
    with pytest.raises(ParityError, match=r"shape \(1,\)"):
        parity.compare(np.zeros(2), np.zeros(1), 1)
    with pytest.raises(ParityError, match="differ"):
        parity.compare(np.zeros(2), np.array([0, np.nan]), 1)


@pytest.mark.slow
def test_a_model_that_cannot_run_is_an_error_in_words(tmp_path):
    with pytest.raises(ParityError, match="cannot be loaded and run"):
        parity.replay(tmp_path, {"images": np.zeros(1)})


def test_several_outputs_are_refused(tmp_path):
    inputs = keras.Input((4,))
    twice = keras.Model(inputs, [inputs, keras.layers.ReLU()(inputs)])
    with pytest.raises(ValueError, match="1 inputs and 2 outputs"):
        to_saved_model(twice, tmp_path, np.zeros((1, 4)))
