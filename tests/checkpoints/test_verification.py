"""A checkpoint's hash, structure and logits, as a person would verify them."""

import json

import pytest
import small
from safetensors.numpy import save

from keras_senet import cli
from keras_senet.checkpoints.verification import images, verify_checkpoint

TAG = "seresnet50.ra2_in1k"


@pytest.fixture
def placed(tmp_path, monkeypatch):
    """A small network where a person places a file by hand."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    small.use(monkeypatch)

    def place(scale=1.0):
        model = small.build("se_resnet50")
        head = model.get_layer("predictions")
        head.kernel.assign(head.kernel * scale)
        path = tmp_path / "keras_senet" / f"{TAG}.safetensors"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(save(small.state("se_resnet50", model, "timm")))
        return path

    return place


def test_logits_are_recorded_once_and_compared_ever_after(placed, tmp_path, capsys):
    path = placed()
    first = verify_checkpoint(TAG)
    assert first.recorded
    assert first.path == path
    assert not first.published
    record = json.loads(first.golden.read_text())
    assert len(record["logits"]) == 2
    assert len(record["logits"][0]) == 1000
    second = verify_checkpoint(TAG)
    assert not second.recorded
    assert second.difference < 1e-6
    assert cli.main(["weights", "verify", TAG]) == 0
    assert "tensors, each of them used and set once" in capsys.readouterr().out
    assert cli.main(["weights", "fetch", TAG]) == 0
    assert capsys.readouterr().out == f"{path}\n"

    placed(scale=1.01)
    with pytest.raises(ValueError, match="was recorded for"):
        verify_checkpoint(TAG)
    record["digest"] = verify_checkpoint(TAG, tmp_path / "other.json").digest
    first.golden.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="this is not the same function"):
        verify_checkpoint(TAG)
    first.golden.write_text("{}")
    assert cli.main(["weights", "verify", TAG]) == 2
    assert "holds no logits" in capsys.readouterr().err


def test_images_are_in_the_range_of_pixels():
    pixels = images(64)
    assert pixels.shape == (2, 64, 64, 3)
    assert pixels.min() == 0
    assert pixels.max() == 255
    # Both images, and all channels, differ.
    assert abs(pixels[0] - pixels[1]).mean() > 10
    assert abs(pixels[..., 0] - pixels[..., 2]).mean() > 10
