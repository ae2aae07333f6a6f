"""Checkpoints on a folder of ImageNet's images, by the publishers' protocol."""

import json
import re
from dataclasses import asdict

import keras
import numpy as np
import pil_reference
import pytest
import small
from PIL import Image
from safetensors.numpy import save

from keras_senet import cli
from keras_senet.weights.catalog import checkpoint
from keras_senet.weights.classes import imagenet_classes

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from keras_senet.training.members import Viewing, views_for
    from keras_senet.training.opening import open_model

ROW = checkpoint("seresnet50.ra2_in1k")
NAMES = [synset for synset, _ in imagenet_classes()]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for synset in ("n01443537", "n02110958", "n09246464"):
        (tmp_path / "val" / synset).mkdir(parents=True)
        for index in range(7):
            pixels = rng.integers(0, 256, (90 + index, 120, 3), "uint8")
            Image.fromarray(pixels).save(tmp_path / "val" / synset / f"{index}.JPEG")
    (tmp_path / "val" / ".hidden").touch()
    return tmp_path / "val"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The file of a small network, whose bias decides: goldfish, then pug."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    small.use(monkeypatch)
    state = small.state("se_resnet50", small.build("se_resnet50"), "timm")
    for rank, synset in enumerate(("n01443537", "n02110958", "n01440764")):
        state["fc.bias"][NAMES.index(synset)] = 1000 - rank
    path = tmp_path / "keras_senet" / f"{ROW.tag}.safetensors"
    path.parent.mkdir()
    path.write_bytes(save(state))


@pytest.mark.usefixtures("published")
def test_counts_every_image_once_by_its_synset(folder, capsys):
    command = ["evaluate", ROW.tag, "--data", str(folder)]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert (
        "Top-1 accuracy 33.333 % (7 of 21, published 80.26 % on all 50000)" in printed
    )
    # The pugs are second; cliffs are among the first five by chance only.
    (second,) = re.findall(r"Top-5 accuracy \S+ % \((\d+) of 21, published 95", printed)
    assert int(second) >= 14
    for options in (["--crop", "40"], ["--resize", "90"], ["--protocol", "ten-crop"]):
        assert cli.main([*command, *options]) == 0
        printed = capsys.readouterr().out
        # The same counts, but not what was published.
        assert "Accuracy 0.3333 (7 of 21)" in printed
        assert "published" not in printed


@pytest.mark.usefixtures("published")
def test_a_few_of_the_classes_are_told_apart_among_all(folder, tmp_path, capsys):
    command = ["evaluate", ROW.tag, "--data", str(folder), "--json"]
    assert cli.main(command) == 0
    told = json.loads(capsys.readouterr().out)
    classes = told["metrics"]["classes"]
    assert [(x["output"], x["name"]) for x in classes] == [
        (1, "n01443537 goldfish"),
        (254, "n02110958 pug"),
        (972, "n09246464 cliff"),
    ]
    assert told["metrics"]["confusion"] == [[7, 0, 0], [7, 0, 0], [7, 0, 0]]
    (folder / "n01443537").rename(folder / "goldfish")
    assert cli.main(command) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == told["metrics"]


@pytest.mark.usefixtures("published")
def test_views_are_the_publishers(folder, capsys):
    opened = open_model(ROW.tag)
    views = views_for(opened, Viewing())
    # The small network is for 64 pixels, of which the publisher has 87.5 %.
    assert (views.size, views.shorter_sides) == (64, (73,))
    assert views.interpolation == "bicubic"
    views = views_for(opened, Viewing(crop=320))
    assert views.shorter_sides == (365,)
    views = views_for(opened, Viewing(larger=True))
    assert (views.size, views.shorter_sides) == (288, (303,))
    command = ["evaluate", ROW.tag, "--data", str(folder), "--larger"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "33.333 % (7 of 21, published 81.288 % on all 50000)" in printed


def test_images_are_resized_and_cropped_as_torchvision_does():
    """Resizing a ramp by half and cropping the center leaves a known ramp."""
    ramp = np.tile(np.arange(200, dtype="uint8"), (100, 1))
    picture = Image.fromarray(np.stack([ramp] * 3, axis=-1))
    pixels = pil_reference.center(picture, 40, 50)
    assert pixels.shape == (40, 40, 3)
    # 200x100 becomes 100x50; the crop starts at (30, 5); pixel x holds 2x + 0.5.
    expected = 2 * (np.arange(40) + 30) + 0.5
    assert np.abs(pixels[20, :, 0] - expected).max() <= 1


def fails(capsys, *arguments):
    assert cli.main(["evaluate", *map(str, arguments)]) == 2
    return capsys.readouterr().err


@pytest.mark.usefixtures("published")
def test_bad_folders(folder, tmp_path, capsys):
    data = (ROW.tag, "--data")
    assert "There is no folder" in fails(capsys, *data, tmp_path / "none")
    assert "wants --data DATA" in fails(capsys, ROW.tag)
    (folder / "cats").mkdir()
    line = fails(capsys, *data, folder)
    assert re.search(r"named by its synset.*Received: cats", line)
    (folder / "cats").rmdir()
    (folder / "n01443537" / "0.JPEG").write_text("no image")
    assert "0.JPEG: It is no image" in fails(capsys, *data, folder)
    command = ["evaluate", *data, str(folder), "--on-bad-image", "skip"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "(6 of 20, published" in printed
    assert "Left out as bad: " in printed


def test_no_larger_test_was_published(folder, monkeypatch, capsys):
    small.use(monkeypatch)
    row = checkpoint("legacy_seresnet50")
    model = small.build("se_resnet50")
    mark = model.get_layer("provenance")
    mark.checkpoint = {"tag": row.tag, "input": asdict(row.input)}
    monkeypatch.setattr("keras_senet.training.opening.load_model", lambda _: model)
    line = fails(capsys, row.tag, "--data", folder, "--larger")
    assert "No test of legacy_seresnet50 on larger images was published" in line
