"""`keras-senet explain`, on a small folder and a network whose weights are drawn."""

import json
import shutil

import keras
import made_runs
import numpy as np
import pytest
from PIL import Image
from seeded import seed_weights
from test_cli import fails

import keras_senet
from keras_senet import cli
from keras_senet.data.folder import folder
from keras_senet.evaluation.gate_files import read_gates_npz

pytestmark = pytest.mark.usefixtures("only_tensorflow")
pytest.importorskip("matplotlib")
SIDE, EACH = 16, {"train": 2, "val": 4, "test": 3}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three classes of colored noise, in a folder for each split."""
    path = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for label, name in enumerate(("blue", "green", "red")):
        for split, count in EACH.items():
            (path / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (SIDE, SIDE, 3), "uint8")
                pixels[..., 2 - label] |= 128
                file = path / split / name / f"{index}.png"
                Image.fromarray(pixels).save(file)
    return path


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    recipe = {"data": {"name": str(data)}}
    made = made_runs.make(path, folder(data), recipe, side=SIDE)
    network(names=("blue", "green", "red")).save(made / "best.keras")
    return made


def network(names=None, **options):
    """An SE-ResNet-20 that takes RGB 0..255."""
    images = keras.Input((SIDE, SIDE, 3))
    x = keras_senet.preprocessing.normalization_layer()(images)
    model = keras_senet.SEResNet20(input_tensor=x, classes=3, **options)
    seed_weights(model)
    model.get_layer("predictions").class_names = names
    return model


def expected_gates(run, data, split):
    """The mean gate of each class and block, by the public functions."""
    model = keras.models.load_model(run / "best.keras")
    gates = keras_senet.gates(model)
    found = []
    for name in ("blue", "green", "red"):
        files = sorted((data / split / name).iterdir())
        pixels = np.stack([np.asarray(Image.open(x), "float32") for x in files])
        found.append({k: v.numpy().mean(0) for k, v in gates(pixels).items()})
    return found


def test_gates_of_the_validation_images(run, data, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--no-advice", "--out", str(out), "--classes", "red", "blue"]
    assert cli.main(["explain", str(run), *options]) == 0
    printed = capsys.readouterr().out
    assert "Gates of 12 images" in printed
    assert f"Written to {out}" in printed
    names = {x.name for x in out.iterdir()}
    figures = {"gates.png", "within.png", "saturation.png"}
    assert names == figures | {"explanation.json", "gates.csv", "gates.npz"}
    found = read_gates_npz(out / "gates.npz")
    expected = expected_gates(run, data, "val")
    for label, gates in enumerate(expected):
        for block, values in gates.items():
            np.testing.assert_allclose(
                found.blocks[block].mean[label], values, atol=1e-6
            )
    told = json.loads((out / "explanation.json").read_text())
    assert told["advice"] is None
    assert told["held_out"] is None
    assert [x["block"] for x in told["blocks"]] == list(expected[0])
    # Each block has its own line, with its whole name.
    for block in expected[0]:
        assert f"\n {block} " in printed


def test_another_split_and_other_data(run, data, tmp_path):
    """The same images twice: by their split, and by their folder."""
    expected = expected_gates(run, data, "test")[2]["stage4_block3_se"]
    for options in (["--split", "test"], ["--data", str(data / "test")]):
        command = ["explain", str(run), "--no-advice", "--out", str(tmp_path)]
        assert cli.main([*command, *options]) == 0
        found = read_gates_npz(tmp_path / "gates.npz")
        assert found.count == 3 * EACH["test"]
        np.testing.assert_allclose(
            found.blocks["stage4_block3_se"].mean[2], expected, atol=1e-6
        )


def test_photographs(run, data, tmp_path, capsys):
    photo = data / "test" / "red" / "0.png"
    command = ["explain", str(run), str(photo), "--out", str(tmp_path), "--top", "2"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    model = keras.models.load_model(run / "best.keras")
    pixels = np.asarray(Image.open(photo), "float32")[None]
    answer = model.predict_on_batch(pixels)[0]
    best = np.argsort(-answer)[:2]
    for index in best:
        assert f"{('blue', 'green', 'red')[index]} {answer[index]:.4f}" in printed
    assert f"drawn in {tmp_path / '0.png'}" in printed
    with Image.open(tmp_path / "0.png") as image:
        assert min(image.size) > 300


def test_photographs_of_one_name_and_of_odd_names(run, data, tmp_path, capsys):
    odd = tmp_path / "gates.png"
    # What would be a broken formula.
    dollars = tmp_path / "x$_$y.png"
    pictures = [data / "test" / x / "0.png" for x in ("red", "blue")]
    for path in (odd, dollars):
        path.write_bytes(pictures[0].read_bytes())
    out = tmp_path / "out"
    given = [str(x) for x in (*pictures, odd, dollars)]
    assert cli.main(["explain", str(run), *given, "--out", str(out)]) == 0
    names = {"0.png", "0_1.png", "gates_1.png", "x$_$y.png"}
    assert {x.name for x in out.iterdir()} == names
    printed = capsys.readouterr().out
    assert all(f"drawn in {out / name}" in printed for name in names)


@pytest.mark.slow
def test_advice_is_followed(run, tmp_path, capsys):
    target = tmp_path / "lean.keras"
    options = ["--may-lose", "100", "--apply", str(target), "--out", str(tmp_path)]
    assert cli.main(["explain", str(run), *options]) == 0
    printed = capsys.readouterr().out
    assert f"{target} is the model" in printed
    # Both tables fit a terminal, without cutting a name in two.
    rows = [line for line in printed.splitlines() if line.startswith(" stage")]
    assert len(rows) == 18
    assert all(" " in row[:18] and len(row.rstrip()) <= 80 for row in rows)
    told = json.loads((tmp_path / "explanation.json").read_text())
    advice = told["advice"]
    assert advice["count"] == 12
    assert advice["held_out"]["count"] == 9
    assert advice["together"]["blocks"] == [x["block"] for x in told["blocks"]]
    lean = keras.models.load_model(target)
    with pytest.raises(ValueError, match="SqueezeExcite"):
        keras_senet.gates(lean)
    full = keras.models.load_model(run / "best.keras")
    saved = full.count_params() - lean.count_params()
    assert saved == advice["together"]["parameters"]
    # The file is measured as the advice says.
    capsys.readouterr()
    evaluated = []
    for model in (run / "best.keras", target):
        data = json.loads((run / "record.json").read_text())["recipe"]["data"]["name"]
        command = ["evaluate", str(model), "--data", data, "--split", "validation"]
        assert cli.main([*command, "--json"]) == 0
        evaluated.append(json.loads(capsys.readouterr().out)["metrics"]["top1"])
    assert evaluated == [advice["right"], advice["together"]["change"]["right"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["photo.jpg", "--data", "digits"], "without --data"),
        (["--channels", "few"], "should be a number of at least 1, or all"),
        (["--channels", "0"], "should be a number of at least 1, or all"),
        (["--top", "0"], "--top should be at least 1"),
        (["--apply", "a.keras", "--no-advice"], "leave out --no-advice"),
        (["--apply", "a.h5"], "writes a .keras file"),
        (["--may-lose", "-1"], "from 0 to 100 points"),
        (["--split", "holiday"], "no split 'holiday'"),
        (["--data", "./nowhere"], "There is no folder"),
        (["nowhere.png"], "No such file"),
        (["--blocks", "stage4_block9_se", "--no-advice"], "There is no block"),
        (["--classes", "pink", "--no-advice"], "pink"),
    ],
)
def test_what_cannot_be_explained(run, capsys, tmp_path, options, message):
    out = tmp_path / "out"
    assert message in fails(capsys, "explain", run, *options, "--out", out)
    assert not out.exists()


def test_only_gates_of_the_same_network_are_a_reference(run, data, tmp_path, drawn):
    """The folder may have been written for a network with blocks of other names."""
    out = ["--out", str(tmp_path / "out")]
    photo = str(data / "test" / "red" / "0.png")
    assert cli.main(["explain", str(run), "--no-advice", *out]) == 0
    means = read_gates_npz(tmp_path / "out" / "gates.npz").mean_gates()
    other = keras.models.load_model(run / "best.keras")
    other.weights[0].assign(2 * other.weights[0])
    other.save(tmp_path / "other.keras")
    made_runs.network(SIDE, 3).save(tmp_path / "small.keras")
    for model in (run, tmp_path / "other.keras", tmp_path / "small.keras"):
        assert cli.main(["explain", str(model), photo, *out]) == 0
    same, *others = drawn
    assert others == [None, None]
    name = "stage4_block3_se"
    np.testing.assert_allclose(same[name], means[name], atol=1e-7)


@pytest.fixture
def drawn(monkeypatch):
    """The references of all pictures, which are not drawn."""
    found = []

    def draw(*args, reference, **options):
        found.append(reference)

    monkeypatch.setattr("keras_senet.training.explained.draw_photograph", draw)
    return found


def test_bad_images_are_left_out_on_demand(run, data, capsys, tmp_path):
    shutil.copytree(data / "val", tmp_path / "val")
    (tmp_path / "val" / "green" / "1a.png").write_bytes(b"no image")
    command = ["explain", run, "--data", tmp_path / "val", "--no-advice"]
    command += ["--out", tmp_path / "out"]
    assert "1a.png: It is no image" in fails(capsys, *command)
    command = [*map(str, command), "--on-bad-image", "skip"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "Gates of 12 images" in printed
    assert f"Left out as bad: {tmp_path / 'val' / 'green' / '1a.png'}" in printed
    told = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert list(told["bad_images"]) == [str(tmp_path / "val" / "green" / "1a.png")]


def test_a_file_where_a_folder_should_be(run, capsys, tmp_path, monkeypatch):
    """It is noticed before anything is measured."""
    monkeypatch.delattr("keras_senet.training.explained.explain_model")
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    assert "is a file" in fails(capsys, "explain", run, "--out", out)


def test_models_without_gates(run, data, capsys, tmp_path):
    network(reduction=None).save(tmp_path / "plain.keras")
    command = ("explain", tmp_path / "plain.keras", "--data", data / "val")
    assert "SqueezeExcite" in fails(capsys, *command)
    # Where it looks can be seen all the same.
    photo = data / "test" / "red" / "0.png"
    command = ["explain", str(tmp_path / "plain.keras"), str(photo)]
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "0.png").is_file()
