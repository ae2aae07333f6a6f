"""Checkpoints on a folder of ImageNet's images, by the publishers' protocol."""

from dataclasses import replace

import numpy as np
import pytest
import small
from safetensors.numpy import save

from keras_senet import cli
from keras_senet.evaluation.published import measure_checkpoint, read_image
from keras_senet.weights.catalog import checkpoint
from keras_senet.weights.classes import imagenet_classes

ROW = checkpoint("seresnet50.ra2_in1k")

pytest.importorskip("PIL")


@pytest.fixture
def folder(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for synset in ("n01443537", "n02110958", "n09246464"):
        (tmp_path / "val" / synset).mkdir(parents=True)
        for index in range(7):
            pixels = rng.integers(0, 256, (90 + index, 120, 3), "uint8")
            Image.fromarray(pixels).save(tmp_path / "val" / synset / f"{index}.JPEG")
    (tmp_path / "val" / ".hidden").touch()
    return tmp_path / "val"


def test_counts_every_image_once_by_its_synset(folder, tmp_path, monkeypatch, capsys):
    """The classifier's bias decides: all images are taken for goldfish, then pugs."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    small.use(monkeypatch)
    model = small.build("se_resnet50")
    state = small.state("se_resnet50", model, "timm")
    names = [synset for synset, _ in imagenet_classes()]
    for rank, synset in enumerate(("n01443537", "n02110958", "n01440764")):
        state["fc.bias"][names.index(synset)] = 1000 - rank
    path = tmp_path / "keras_senet" / f"{ROW.tag}.safetensors"
    path.parent.mkdir()
    path.write_bytes(save(state))
    row = replace(ROW, input=replace(ROW.input, size=64))
    counted = measure_checkpoint(row, folder, batch_size=4)
    assert (counted.count, counted.top1) == (21, 7)
    # The pugs are second; cliffs are among the first five by chance only.
    assert counted.top5 >= 14
    assert cli.main(["evaluate", ROW.tag, "--data", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert (
        "Top-1 accuracy 33.333 % (7 of 21, published 80.26 % on all 50000)" in printed
    )


def test_images_are_resized_and_cropped_as_torchvision_does(tmp_path):
    """Resizing a ramp by half and cropping the center leaves a known ramp."""
    from PIL import Image

    ramp = np.tile(np.arange(200, dtype="uint8"), (100, 1))
    Image.fromarray(np.stack([ramp] * 3, axis=-1)).save(tmp_path / "ramp.png")
    images = replace(ROW.input, size=40, crop=0.8, interpolation="bilinear")
    pixels = read_image(tmp_path / "ramp.png", images)
    assert pixels.shape == (40, 40, 3)
    # 200x100 becomes 100x50; the crop starts at (30, 5); pixel x holds 2x + 0.5.
    expected = 2 * (np.arange(40) + 30) + 0.5
    assert np.abs(pixels[20, :, 0] - expected).max() <= 1


def test_bad_folders(folder, tmp_path):
    with pytest.raises(ValueError, match="There is no folder"):
        measure_checkpoint(ROW, tmp_path / "none")
    (folder / "cats").mkdir()
    with pytest.raises(ValueError, match=r"named by its synset.*Received: cats"):
        measure_checkpoint(ROW, folder)
    with pytest.raises(ValueError, match=r"No test of .* on larger images"):
        measure_checkpoint(checkpoint("legacy_seresnet50"), folder, larger=True)
    (folder / "n01443537" / "0.JPEG").write_text("no image")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        read_image(folder / "n01443537" / "0.JPEG", ROW.input)
