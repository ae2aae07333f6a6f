import json
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from made_runs import make, network
from pictures import encoded, photograph
from pil_reference import center

from keras_senet import cli

pytestmark = pytest.mark.usefixtures("only_tensorflow", "graphs_as_they_are")
if keras.backend.backend() == "tensorflow":
    from PIL import Image

    from keras_senet.data.crops import crop_views
    from keras_senet.data.digits import digits
    from keras_senet.data.measured import open_labelled
    from keras_senet.data.once import view_batches
    from keras_senet.data.views import PROTOCOLS, views_of
    from keras_senet.errors import InputError
    from keras_senet.training.evaluation import evaluate
    from keras_senet.training.larger_test import measure_at
    from keras_senet.training.loop import measure_best
    from keras_senet.training.members import Viewing, views_for
    from keras_senet.training.opening import images_of, open_model
    from keras_senet.training.run import Run

NAMES = ("ant", "bee", "cat", "dog")
COUNTS = (3, 4, 2, 4)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Photographs in folders of classes, as an evaluation has them."""
    root = tmp_path_factory.mktemp("data")
    seed = 0
    for name, count in zip(NAMES, COUNTS, strict=True):
        (root / name).mkdir()
        for index in range(count):
            picture = encoded(photograph(60 + seed, 50, seed), "PNG")
            (root / name / f"{index}.png").write_bytes(picture)
            seed += 1
    return root


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two networks, the second with its classes in another order; one of logits."""
    root = tmp_path_factory.mktemp("models")
    made = {
        "one": network(32, 4, NAMES),
        "two": network(32, 4, NAMES[::-1], seed=1),
        "wide": network(40, 4, NAMES, seed=2),
        "logits": network(32, 4, NAMES, activation=None),
        "nameless": network(32, 4),
        "other": network(32, 4, ("ant", "bee", "cat", "emu")),
    }
    for name, model in made.items():
        model.save(root / f"{name}.keras")
    opened = {name: open_model(str(root / f"{name}.keras")) for name in made}
    return made, opened


def labels():
    return np.repeat(np.arange(4), COUNTS)


def pictures(data):
    return [Image.open(x).convert("RGB") for x in sorted(data.glob("*/*.png"))]


def assert_counts(found, probabilities):
    """What was counted is what NumPy counts."""
    best = probabilities.argmax(1)
    every = range(4)
    expected = [[((labels() == i) & (best == j)).sum() for j in every] for i in every]
    np.testing.assert_array_equal(
        found.metrics.confusion,
        np.array(expected)[np.ix_(found.metrics.outputs, found.metrics.outputs)],
    )
    right = probabilities[range(len(best)), labels()]
    assert found.metrics.accuracy.cross_entropy == pytest.approx(
        -np.log(right).mean(), rel=1e-4
    )


def answers(model, images):
    return model.predict_on_batch(np.stack(images).astype("float32")).astype("float64")


def test_one_view_is_the_center_as_pil_cuts_it(data, models):
    made, opened = models
    found = evaluate([opened["one"]], open_labelled(str(data)))
    # 32 pixels have no border to cut off.
    images = [center(image, 32, 32) for image in pictures(data)]
    assert_counts(found, answers(made["one"], images))
    assert found.class_names == NAMES
    told = found.to_dict()
    assert told["data"]["count"] == found.metrics.accuracy.count == sum(COUNTS)
    assert told["protocol"] == {
        "name": "single",
        "views": 1,
        "crop": 32,
        "shorter_sides": [32],
        "interpolation": "bilinear",
    }


@pytest.mark.parametrize("batch_size", [4, 32, 100])
def test_the_mean_over_views_counts(batch_size, data, models):
    made, opened = models
    viewing = Viewing(protocol="ten-crop", resize=40)
    found = evaluate(
        [opened["one"]], open_labelled(str(data)), viewing, batch_size=batch_size
    )
    views = views_of(PROTOCOLS["ten-crop"], size=32, shorter=40)
    assert_counts(found, mean_answers(made["one"], data, views))
    assert found.protocol["views"] == 10


def mean_answers(model, data, views):
    means = []
    for image in pictures(data):
        shown = crop_views(np.asarray(image), views).numpy()
        means.append(answers(model, shown).mean(0))
    return np.array(means)


def test_no_batch_is_larger_than_the_data(data, models, monkeypatch):
    sizes = []

    def batches(*args, batch_size, **options):
        sizes.append(batch_size)
        return view_batches(*args, batch_size=batch_size, **options)

    monkeypatch.setattr("keras_senet.training.evaluation.view_batches", batches)
    evaluate([models[1]["one"]], open_labelled(str(data)), batch_size=10**6)
    assert sizes == [sum(COUNTS)]


def test_several_scales(data, models):
    made, opened = models
    viewing = Viewing(protocol="multi-scale", scales=(34, 45))
    found = evaluate([opened["one"]], open_labelled(str(data)), viewing)
    views = views_of(
        PROTOCOLS["multi-scale"], size=32, shorter=32, shorter_sides=(34, 45)
    )
    assert views.count == 20
    assert_counts(found, mean_answers(made["one"], data, views))
    # 256, 288, 320 and 352 sevenths of 32.
    assert views_for(opened["one"], Viewing(protocol="multi-scale")).shorter_sides == (
        37,
        41,
        46,
        50,
    )


def test_an_ensemble_is_the_mean_of_classes_of_the_same_name(data, models):
    made, opened = models
    found = evaluate([opened["one"], opened["two"]], open_labelled(str(data)))
    images = [center(image, 32, 32) for image in pictures(data)]
    mean = (answers(made["one"], images) + answers(made["two"], images)[:, ::-1]) / 2
    assert_counts(found, mean)
    assert [x["network"] for x in found.models] == ["small0", "small1"]


@pytest.mark.parametrize("names", [("two", "nameless"), ("nameless", "two")])
def test_outputs_without_names_are_in_the_order_of_the_data(names, data, models):
    """Also beside a network that has its classes in another order."""
    made, opened = models
    found = evaluate([opened[name] for name in names], open_labelled(str(data)))
    images = [center(image, 32, 32) for image in pictures(data)]
    mean = answers(made["two"], images)[:, ::-1] + answers(made["nameless"], images)
    assert found.metrics.accuracy.top1 == (mean.argmax(1) == labels()).sum()
    assert found.metrics.accuracy.cross_entropy == pytest.approx(
        -np.log(mean[range(len(mean)), labels()] / 2).mean(), rel=1e-4
    )
    fewer = replace(open_labelled(str(data)), class_names=NAMES[:3])
    with pytest.raises(InputError, match="outputs without names"):
        evaluate([opened[name] for name in names], fewer)


def test_members_see_images_in_their_own_size(data, models):
    made, opened = models
    found = evaluate([opened["wide"], opened["one"]], open_labelled(str(data)))
    small, wide = (
        [center(image, size, size) for image in pictures(data)] for size in (32, 40)
    )
    mean = (answers(made["wide"], wide) + answers(made["one"], small)) / 2
    assert_counts(found, mean)
    assert [x["crop"] for x in found.models] == [40, 32]
    assert found.protocol["crop"] is None


def test_logits_and_models_without_names(data, models):
    made, opened = models
    images = [center(image, 32, 32) for image in pictures(data)]
    labelled = open_labelled(str(data))
    expected = answers(made["one"], images)
    for name in ("logits", "nameless"):
        assert_counts(evaluate([opened[name]], labelled), expected)


def test_another_crop_is_the_network_at_that_size(data, models):
    made, opened = models
    found = evaluate([opened["one"]], open_labelled(str(data)), Viewing(crop=48))
    twin = network(48, 4, NAMES)
    twin.set_weights(made["one"].get_weights())
    images = [center(image, 48, 48) for image in pictures(data)]
    assert_counts(found, answers(twin, images))
    # From 96 pixels on, an eighth is cut off.
    assert views_for(opened["one"], Viewing(crop=112)).shorter_sides == (128,)


def test_mistakes_have_the_pictures_that_the_network_saw(data, models):
    made, opened = models
    viewing = Viewing(protocol="ten-crop", resize=40)
    found = evaluate([opened["one"]], open_labelled(str(data)), viewing, mistakes=2)
    views = views_of(PROTOCOLS["ten-crop"], size=32, shorter=40)
    mean = mean_answers(made["one"], data, views)
    wrong = np.flatnonzero(mean.argmax(1) != labels())
    worst = wrong[np.argsort(-mean[wrong].max(1), kind="stable")][:2]
    assert [x.index for x in found.mistakes] == worst.tolist()
    for mistake in found.mistakes:
        image = np.asarray(pictures(data)[mistake.index])
        expected = crop_views(image, views)[views.center]
        np.testing.assert_array_equal(mistake.image, expected)


def test_what_cannot_be_evaluated(data, models, tmp_path):
    _, opened = models
    labelled = open_labelled(str(data))
    with pytest.raises(InputError, match=r"1 of the 4 classes .* Received: dog"):
        evaluate([opened["other"]], labelled)
    with pytest.raises(InputError, match=r"other.keras tell different classes apart"):
        evaluate([opened["other"], opened["one"]], labelled)
    with pytest.raises(InputError, match="size=32, resize=20"):
        evaluate([opened["one"]], labelled, Viewing(resize=20))
    with pytest.raises(InputError, match="batch_size should be at least 1"):
        evaluate([opened["one"]], labelled, batch_size=0)
    with pytest.raises(InputError, match=r"No test of .* on larger images"):
        evaluate([opened["one"]], labelled, Viewing(larger=True))
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1.0)(inputs)
    maps = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    maps.save(tmp_path / "maps.keras")
    with pytest.raises(InputError, match=r"maps.keras answers with features"):
        evaluate([open_model(str(tmp_path / "maps.keras"))], labelled)
    flat = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(x)))
    flat.save(tmp_path / "flat.keras")
    with pytest.raises(InputError, match=r"takes images of 32 x 32 .* Leave out"):
        evaluate([open_model(str(tmp_path / "flat.keras"))], labelled, Viewing(crop=40))
    for shape, message in (
        ((32, 32, 1), r"images of 1 channels, not RGB"),
        ((32, 48, 3), r"images of 32 x 48 pixels: .* --crop N"),
    ):
        odd = keras.Input(shape)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1.0)(odd))
        keras.Model(odd, keras.layers.Dense(4)(x)).save(tmp_path / "odd.keras")
        with pytest.raises(InputError, match=message):
            evaluate([open_model(str(tmp_path / "odd.keras"))], labelled)
    bare = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(inputs)))
    bare.save(tmp_path / "bare.keras")
    with pytest.raises(InputError, match="how a photograph becomes its input"):
        evaluate([open_model(str(tmp_path / "bare.keras"))], labelled)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make(tmp_path_factory.mktemp("runs") / "run", digits())


def test_a_run_is_evaluated_as_at_its_end(run, capsys):
    opened = open_model(str(run))
    at_the_end = measure_best(Run(run), {"test": digits().test}, bad_images())["test"]
    found = evaluate([opened], images_of(opened))
    assert found.metrics.accuracy == at_the_end
    assert cli.main(["evaluate", str(run)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"Test accuracy {at_the_end}"
    assert "of 359" in printed[0]
    (line,) = [x for x in printed if "cross entropy" in x]
    assert line.split() == [
        "cross",
        "entropy",
        f"{at_the_end.cross_entropy:.4f}",
        "nats",
    ]
    split, larger = measure_at(Run(run), 36)
    assert (split, larger.count) == ("test", 359)


def bad_images():
    from keras_senet.data.bad_images import BadImages

    return BadImages()


def test_files_of_an_evaluation(data, models, tmp_path, capsys):
    _, opened = models
    out = tmp_path / "evaluated"
    command = ["evaluate", opened["one"].name, "--data", str(data)]
    assert cli.main([*command, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert re.match(r"Accuracy 0\.\d+ \(\d+ of 13\)\n", printed)
    assert f"Written to {out}" in printed
    told = json.loads((out / "evaluation.json").read_text())
    assert list(told) == ["models", "data", "protocol", "metrics", "bad_images"]
    assert np.array(told["metrics"]["confusion"]).sum(1).tolist() == list(COUNTS)
    lines = (out / "classes.csv").read_text().splitlines()
    assert lines[0] == "output,name,count,right,predicted,accuracy"
    assert [line.split(",")[1:3] for line in lines[1:]] == [
        [name, str(count)] for name, count in zip(NAMES, COUNTS, strict=True)
    ]
    with Image.open(out / "confusion.png") as image:
        assert min(image.size) >= 500
    # Again, in the place of the first, and without a folder nothing is written.
    assert cli.main([*command, "--json", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == told
    before = set(tmp_path.rglob("*"))
    assert (
        cli.main([*command, "--protocol", "multi-scale", "--scales", "33", "35"]) == 0
    )
    assert "20 views of 32 pixels, shorter side 33, 35" in capsys.readouterr().out
    assert set(tmp_path.rglob("*")) == before


def test_bad_options(data, models, tmp_path, capsys):
    _, opened = models
    command = ["evaluate", opened["one"].name, "--data", str(data)]
    (tmp_path / "file").write_text("")
    for options, message in (
        (["--scales", "40"], "--scales belongs to"),
        (
            ["--protocol", "multi-scale", "--resize", "40"],
            "takes the place of --resize",
        ),
        (["--data", "digits", "--split", "tests"], "has no split 'tests'"),
        (["--out", str(tmp_path / "file" / "out")], "is a file"),
    ):
        assert cli.main([*command, *options]) == 2
        assert message in capsys.readouterr().err
    for wrong in ("0", "-1", "large"):
        with pytest.raises(SystemExit):
            cli.main([*command, "--crop", wrong])
        message = f"should be a number of at least 1. Received: {wrong}"
        assert message in capsys.readouterr().err
    assert cli.main(["evaluate", opened["one"].name]) == 2
    assert "--data digits" in capsys.readouterr().err
