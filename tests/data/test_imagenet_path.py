"""What docs/imagenet.md says, on a tree of photographs in the place of ImageNet."""

import json
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from pictures import encoded, photograph

import keras_senet  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
CLASSES, TRAINING, VALIDATION, SIZE = 20, 2000, 303, 32


def command(*arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "keras_senet.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", PYTHONWARNINGS="ignore"),
    )
    assert done.returncode == code, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """Photographs of two things in twenty classes, of sizes like ImageNet's."""
    root = tmp_path_factory.mktemp("imagenet")
    for split, count in (("train", TRAINING), ("val", VALIDATION)):
        for index in range(count):
            label = index % CLASSES
            # Even classes show the temple, odd ones the flower.
            pixels = photograph(
                width=(500, 375)[index % 7 == 0],
                height=(375, 500)[index % 7 == 0],
                seed=2 * index + label % 2,
            )
            folder = root / split / f"n{label:08}"
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{split}_{index:08}.JPEG"
            file.write_bytes(encoded(pixels, quality=(75, 90, 96)[index % 3]))
    return root


def test_from_the_folder_to_the_accuracy(imagenet, tmp_path):
    packed, run = tmp_path / "packed", tmp_path / "run"
    checked = command("data", "check", imagenet)
    assert f"{TRAINING + VALIDATION} images, 0 of them bad" in checked
    command("data", "pack", imagenet, packed, "--shards", 6)
    index = json.loads((packed / "index.json").read_text())
    counts = [shard["count"] for shard in index["splits"]["train"]["shards"]]
    assert sum(counts) == TRAINING
    assert max(counts) - min(counts) <= 1
    options = ("--image-size", SIZE, "--epochs", 1, "--batch-size", 64)
    printed = command(
        "train", "--model", "se_resnet20", "--data", packed, *options, "--balanced",
        "--augmentation", "paper", "--learning-rate", 0.02, "--out", run, "--no-export",
    )  # fmt: skip
    record = json.loads((run / "record.json").read_text())
    assert record["data"]["train"] == TRAINING
    assert record["data"]["augmentation"]["crop_area"] == [0.08, 1.0]
    assert record["metrics"]["validation"]["count"] == VALIDATION
    assert "test" not in record["metrics"]
    evaluated = command("evaluate", run)
    (found,) = re.findall(r"Validation accuracy (\S+) \((\d+) of 303\)", evaluated)
    assert f"Validation accuracy {found[0]} ({found[1]} of 303)" in printed
    assert int(found[1]) == exactly_counted(run, imagenet, record)


def exactly_counted(run, imagenet, record):
    """Right answers on files that PIL has decoded, resized and cut, one by one."""
    from PIL import Image

    model = keras.models.load_model(run / "best.keras")
    classes = record["data"]["class_names"]
    files = sorted((imagenet / "val").rglob("*.JPEG"))
    pictures, labels = [], []
    for file in files:
        picture = Image.open(file)
        least = min(picture.size)
        sides = [SIZE * side // least for side in picture.size]
        picture = picture.resize(sides, Image.BILINEAR)
        left, top = (round((side - SIZE) / 2) for side in sides)
        pictures.append(np.asarray(picture.crop((left, top, left + SIZE, top + SIZE))))
        labels.append(classes.index(file.parent.name))
    answers = model.predict(np.stack(pictures), verbose=0).argmax(-1)
    return int((answers == np.array(labels)).sum())
