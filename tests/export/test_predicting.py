from types import SimpleNamespace

import keras
import numpy as np
import pil_reference
import pytest
from pictures import encoded, photograph
from PIL import Image
from scipy.special import softmax

import keras_senet
from keras_senet import cli
from keras_senet.errors import InputError

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    from keras_senet.export import Preparation, describe, predicting
    from keras_senet.export.predicting import Predictor, best_classes


def predictor(answers, output="probabilities", names=None):
    told = SimpleNamespace(output=output, class_names=names, name="it")
    return Predictor(predict=lambda images: answers, description=told)


def test_best_classes_as_keras_names_them():
    answers = np.random.default_rng(0).dirichlet(np.ones(1000), size=3)
    answers[0, 5] = answers[0, 2] = 0.5
    found = best_classes(predictor(answers), np.zeros(3), top=4)
    named = keras_senet.decode_predictions(answers, top=4)
    for guesses, expected in zip(found, named, strict=True):
        assert [x.probability for x in guesses] == [x[2] for x in expected]
    assert [x.index for x in found[0][:2]] == [2, 5]
    assert found[0][0].name == "2"


def test_logits_become_probabilities():
    logits = np.random.default_rng(0).normal(size=(2, 3)) * 400
    (first, _) = best_classes(predictor(logits, "logits", ("a", "b", "c")), None, 9)
    order = np.argsort(-logits[0])
    assert [x.name for x in first] == ["abc"[i] for i in order]
    np.testing.assert_allclose(
        [x.probability for x in first], softmax(logits[0])[order]
    )
    with pytest.raises(InputError, match="features, not with classes"):
        best_classes(predictor(logits, "features"), None)


def test_photographs_are_read_as_published_tests_do(tmp_path):
    picture = Image.fromarray(photograph(199, 131))
    picture.save(tmp_path / "photo.png")
    prepared = Preparation(size=64, shorter=73, interpolation="bicubic")
    ours = predicting.read_photograph(tmp_path / "photo.png", prepared)
    theirs = pil_reference.center(picture, 64, 73, "bicubic")
    pil_reference.assert_same(ours, theirs, share=1e-3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "It is empty"),
        (b"text", "It is no image"),
        (encoded(np.zeros((9, 9, 3), "uint8"))[:60], "broken|repair|damaged"),
    ],
)
def test_no_photographs(content, message, tmp_path):
    if content is not None:
        (tmp_path / "photo.jpg").write_bytes(content)
    prepared = Preparation(size=8, shorter=8)
    with pytest.raises(InputError, match=message):
        predicting.read_photograph(tmp_path / "photo.jpg", prepared)


def test_what_is_no_model(tmp_path):
    for name, message in (("none", "There is no"), ("text.txt", "A model is a run")):
        if "." in name:
            (tmp_path / name).write_text("x")
        with pytest.raises(InputError, match=message):
            predicting.open_predictor(tmp_path / name)
    for name in ("a.onnx", "a.tflite", "a.keras"):
        (tmp_path / name).write_text("x")
        with pytest.raises(InputError, match="cannot be loaded"):
            predicting.open_predictor(tmp_path / name)
    with pytest.raises(InputError, match="neither record"):
        predicting.open_predictor(tmp_path)


def test_names_are_no_markup(capsys):
    from keras_senet.cli.predict import _print_table

    guess = predicting.Guess(index=0, name="cat [/b] [kitten]", probability=1.0)
    _print_table([("a[b].jpg", [guess]), ("a[b].jpg", [guess])])
    printed = capsys.readouterr().out
    assert printed.count("cat [/b] [kitten]") == printed.count("a[b].jpg") == 2


def test_the_command_prints_tables_and_json(tmp_path, capsys):
    inputs = keras.Input((32, 32, 3))
    network = keras_senet.SEResNet20(input_shape=(32, 32, 3))
    network.get_layer("predictions").class_names = "abcdefghij"
    model = keras.Model(inputs, network(keras.layers.Rescaling(1 / 64, -2)(inputs)))
    model.save(tmp_path / "model.keras")
    Image.fromarray(np.full((40, 50, 3), 90, "uint8")).save(tmp_path / "a.png")
    files = [str(tmp_path / "model.keras"), str(tmp_path / "a.png")]
    assert cli.main(["predict", *files, "--json", "--top", "10"]) == 0
    import json

    (told,) = json.loads(capsys.readouterr().out)
    pixels = np.full((1, 32, 32, 3), 90, "float32")
    expected = model.predict_on_batch(pixels)[0]
    assert [x["index"] for x in told["classes"]] == list(np.argsort(-expected))
    found = {x["name"]: x["probability"] for x in told["classes"]}
    np.testing.assert_allclose([found[x] for x in "abcdefghij"], expected, atol=1e-6)
    assert cli.main(["predict", *files, "--top", "1"]) == 0
    line = capsys.readouterr().out.splitlines()[3]
    assert line.split()[-2:] == [
        "abcdefghij"[expected.argmax()],
        f"{expected.max():.4f}",
    ]
    assert describe(model).description.class_names == tuple("abcdefghij")
