import json

import keras
import numpy as np
import pytest
from pictures import encoded, photograph
from PIL import Image

from keras_senet import cli

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from keras_senet.data import contact_sheet
    from keras_senet.data.augmentation import PAPER
    from keras_senet.data.folder import folder
    from keras_senet.data.pipeline import training_batches
    from keras_senet.errors import InputError


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for split, count in (("train", 3), ("val", 1)):
        for label in ("flower", "temple"):
            (root / split / label).mkdir(parents=True)
            for index in range(count):
                file = root / split / label / f"{index}.jpg"
                file.write_bytes(encoded(photograph(60, 40, index)))
    return root


def run(capsys, *arguments, code=0):
    assert cli.main([str(argument) for argument in arguments]) == code
    captured = capsys.readouterr()
    return captured.err if code == 2 else captured.out


def test_the_sheet_shows_what_training_sees(tree, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        contact_sheet, "_draw", lambda columns, *_: drawn.extend(columns)
    )
    source = folder(tree)
    contact_sheet.save_contact_sheet(
        source, tmp_path / "x.png", size=24, augmentation=PAPER, epochs=2, seed=3
    )
    titles, images, labels = zip(*drawn, strict=True)
    assert titles == ("test", "epoch 1", "epoch 2")
    batches = training_batches(
        source,
        size=24,
        batch_size=6,
        seed=3,
        first_epoch=0,
        last_epoch=2,
        augmentation=PAPER,
    )
    for (pixels, _), shown in zip(batches, images[1:], strict=True):
        seen = {image.tobytes() for image in pixels.numpy()}
        assert {image.tobytes() for image in shown.numpy()} <= seen
    assert sorted(np.unique(labels[0])) == [0, 1]


def test_show_draws_a_picture(capsys, tree, tmp_path):
    out = tmp_path / "sheet.png"
    options = ("--image-size", 24, "--images", 2, "--epochs", 1, "--out", out)
    assert f"Drawn in {out}" in run(capsys, "data", "show", tree, *options)
    with Image.open(out) as picture:
        assert min(picture.size) > 100
    message = run(capsys, "data", "show", tree, "--out", "x.doc", code=2)
    assert "should be one of" in message
    message = run(capsys, "data", "show", tree, "--augmentation", "papper", code=2)
    assert "Did you mean paper" in message
    (tree / "train" / "temple" / "0.jpg").write_text("no image")
    message = run(capsys, "data", "show", tree, "--images", 6, code=2)
    assert "0.jpg: It is no image; remove it." in message
    source = folder(tree)
    (tree / "train" / "temple" / "0.jpg").unlink()
    with pytest.raises(InputError, match=r"0\.jpg cannot be read"):
        contact_sheet.save_contact_sheet(source, tmp_path / "y.png", size=8)


def test_check_lists_bad_images_and_exits_with_one(capsys, tree, tmp_path):
    printed = run(capsys, "data", "check", tree)
    assert "8 images, 0 of them bad" in printed
    assert "train: 6 images of 2 classes, from 3 to 3 of each" in printed
    bad = tree / "val" / "temple" / "0.jpg"
    bad.write_bytes(bad.read_bytes()[:200])
    report = tmp_path / "bad.json"
    printed = run(capsys, "data", "check", tree, "--report", report, code=1)
    assert f"{bad}: It is truncated; repair or remove it." in printed
    assert "8 images, 1 of them bad" in printed
    ((path, reason),) = json.loads(report.read_text())["bad"]
    assert path == str(bad)
    assert "truncated" in reason
    assert "is no folder" in run(capsys, "data", "check", bad, code=2)
    (tree / "val" / "bird").mkdir()
    bad.unlink()
    printed = run(capsys, "data", "check", tree, code=1)
    assert "classes that the training images do not have: bird" in printed


def test_pack_says_what_it_wrote_and_check_finds_damage(capsys, tree, tmp_path):
    out = tmp_path / "packed"
    printed = run(capsys, "data", "pack", tree, out, "--shards", 2)
    assert "train: 6 images in 2 files" in printed
    assert "validation: 2 images in 1 files" in printed
    assert "0 damaged files" in run(capsys, "data", "check", out)
    shard = out / "train-00001-of-00002.tfrecord"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    printed = run(capsys, "data", "check", out, code=1)
    assert "train-00001-of-00002.tfrecord is not as it was written" in printed
