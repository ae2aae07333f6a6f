"""The commands about weights, as a person runs and reads them."""

import small
from safetensors.numpy import save_file

from keras_senet import cli
from keras_senet.weights.catalog import CHECKPOINTS


def test_list(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["weights", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line.rstrip()) <= 80 and "…" not in line for line in lines)
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert rows["*seresnet50.ra2_in1k"] == ["se_resnet50", "224", "80.26", "95.07"]
    assert {row.tag for row in CHECKPOINTS} <= {name.lstrip("*") for name in rows}
    assert cli.main(["weights", "list", "se_resnet20"]) == 2
    assert "no published weights of 'se_resnet20'" in capsys.readouterr().err


def test_convert_says_how_to_load_the_result(capsys, monkeypatch, tmp_path):
    small.use(monkeypatch)
    monkeypatch.chdir(tmp_path)
    model = small.build("se_resnet50", classes=3, reduction=16)
    save_file(small.state("se_resnet50", model, "timm"), "a.safetensors")
    command = ["weights", "convert", "a.safetensors", "--out", "b.weights.h5"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "se_resnet50 by the names of timm" in printed
    assert "What images it wants, the source does not say" in printed
    assert "(weights='b.weights.h5', classes=3)" in printed
    command = ["weights", "convert", "b.weights.h5", "--out", "c.safetensors"]
    assert cli.main([*command, "--to", "timm"]) == 0
    assert (
        "timm.create_model(model_name='seresnet50', num_classes=3, in_chans=3, "
        "checkpoint_path='c.safetensors')"
    ) in capsys.readouterr().out
    assert cli.main(command) == 2
    assert "should end in .weights.h5" in capsys.readouterr().err
