import keras
import numpy as np
import pytest
from seeded import images, tiny

import keras_senet

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    from keras_senet.export import exporting, parity, saved_model, to_saved_model
    from keras_senet.export.parity import ParityError


@pytest.fixture(scope="module")
def model():
    # With grouped convolutions, the part that others export wrongly.
    return tiny(keras_senet.SEResNeXt26, "se_resnext26")


@pytest.fixture(scope="module")
def report(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "exported"
    return to_saved_model(model, folder, images(model))


def test_versions_count_on(tmp_path):
    assert saved_model.next_version(tmp_path / "none") == 1
    for name in ("2", "10", "notes", "003x"):
        (tmp_path / name).mkdir()
    assert saved_model.next_version(tmp_path) == 11


def test_answers_in_a_fresh_process(report, model):
    assert (report.path.parent.name, report.path.name) == ("exported", "1")
    assert report.images == 2
    assert report.relative_difference <= 1e-5
    x = images(model)
    answers = parity.replay(report.path, x)["answers"]
    np.testing.assert_allclose(answers, model.predict_on_batch(x), atol=1e-4)


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
    assert list(signature.outputs) == ["logits"]


@pytest.mark.slow
def test_other_answers_are_refused_and_nothing_is_left(model, tmp_path, monkeypatch):
    honest = exporting.replay

    def dishonest(path, images, repetitions):
        answers = honest(path, images, repetitions)
        answers["answers"][1, 2] += 2e-3
        return answers

    monkeypatch.setattr(exporting, "replay", dishonest)
    with pytest.raises(ParityError, match=r"differ .* of their standard deviation"):
        to_saved_model(model, tmp_path / "exported", images(model))
    assert list(tmp_path.iterdir()) == []
