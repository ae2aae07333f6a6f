import json

import keras
import pytest

from keras_senet import cli
from keras_senet.models.families import NETWORKS
from keras_senet.version import __version__


def fails(capsys, *arguments):
    """Runs a command that should fail with one line, and returns the line."""
    assert cli.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("keras-senet: error: ")
    return lines[0]


def test_version_and_help(capsys):
    for option, text in (("--version", __version__), ("--help", "train,export")):
        with pytest.raises(SystemExit) as stopped:
            cli.main([option])
        assert stopped.value.code == 0
        printed = capsys.readouterr().out
        assert all(part in printed for part in text.split(","))


def test_list_fits_a_terminal_and_shows_what_is_published(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line.strip()}
    assert set(NETWORKS) < set(rows)
    assert all(len(line.rstrip()) <= 80 and "…" not in line for line in lines)
    counts = ["115,088,984", "115,088,984", "20.688", "G", "-", "224"]
    assert rows["senet154"].split()[1:] == counts
    assert "569.2 M" in rows["se_mobilenet"]
    assert "572 M" in rows["se_mobilenet"]


def test_summary_draws_text_and_picture(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    assert cli.main(["summary", "se_resnet50"]) == 0
    printed = capsys.readouterr().out
    assert "28,141,144 parameters, 4,091,699,200 multiply" in printed
    assert "1x1 128 · 3x3/2 128 · 1x1 512 · SE 512-32-512" in printed
    assert "5 times 1,252,416" in printed
    assert list(tmp_path.iterdir()) == []
    pytest.importorskip("matplotlib")
    assert cli.main(["summary", "se_resnet20", "--plot"]) == 0
    assert "Drawn in se_resnet20.png" in capsys.readouterr().out
    assert (tmp_path / "se_resnet20.png").read_bytes().startswith(b"\x89PNG")


def test_summary_refuses_unknown_networks_and_files(capsys, tmp_path):
    assert "Did you mean se_resnet" in fails(capsys, "summary", "se_resnet5")
    pytest.importorskip("matplotlib")
    line = fails(capsys, "summary", "se_resnet20", "--plot", tmp_path / "a.txt")
    assert "a name that ends in one of" in line
    (tmp_path / "file").write_text("")
    line = fails(
        capsys, "summary", "se_resnet20", "--plot", tmp_path / "file" / "a.png"
    )
    assert "cannot be written" in line
    (tmp_path / "file").unlink()
    (tmp_path / "b.png").mkdir()
    line = fails(capsys, "summary", "se_resnet20", "--plot", tmp_path / "b.png")
    assert "is a folder" in line
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "se_resnet51"], "Did you mean se_resnet"),
        (["--data", "digit"], "Did you mean digits"),
        (["--data", "cifar11"], "cifar10"),
        (["--data", "./nowhere"], "There is no folder"),
        (["--image-size", "3"], "at least 4 pixels"),
        (["--model", "se_resnet50", "--image-size", "16"], "at least 32 pixels"),
        (["--batch-size", "5000"], "do not fill one batch"),
        (["--epochs", "0"], "epochs should be at least 1"),
        (["--devices", "0"], "devices should be at least 1"),
        (["--resume"], "is not a run folder"),
    ],
)
def test_bad_training_input_leaves_nothing(capsys, tmp_path, options, message):
    out = tmp_path / "run"
    assert message in fails(capsys, "train", "--out", out, *options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("only_tensorflow")
def test_out_below_a_file(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    line = fails(capsys, "train", "--out", tmp_path / "file" / "run")
    assert "is a file" in line


@pytest.mark.usefixtures("only_tensorflow")
def test_bad_folders(capsys, tmp_path):
    from PIL import Image

    data, out = tmp_path / "data", tmp_path / "run"
    for name in ("a", "b"):
        (data / name).mkdir(parents=True)
        for index in range(3):
            Image.new("RGB", (8, 8)).save(data / name / f"{index}.png")
    (data / "c").mkdir()
    line = fails(capsys, "train", "--data", data, "--out", out)
    assert "has 0 images" in line
    assert not out.exists()


@pytest.mark.usefixtures("only_tensorflow")
@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_folders_that_are_no_runs(capsys, tmp_path, command):
    other = {"evaluate": "is no run and no SavedModel", "export": "A model is a run"}
    assert "There is no" in fails(capsys, command, tmp_path / "none")
    assert other[command] in fails(capsys, command, tmp_path)
    (tmp_path / "record.json").write_text("{")
    assert "record.json cannot be read" in fails(capsys, command, tmp_path)
    from keras_senet.data.digits import digits

    record = {"recipe": {}, "data": {"fingerprint": digits().fingerprint}}
    (tmp_path / "record.json").write_text(json.dumps(record))
    assert "no epoch has been completed" in fails(capsys, command, tmp_path)


@pytest.mark.usefixtures("only_tensorflow")
def test_resuming_a_record_without_devices(capsys, tmp_path):
    (tmp_path / "record.json").write_text('{"recipe": {}, "status": "running"}')
    line = fails(capsys, "train", "--resume", "--out", tmp_path)
    assert "does not say on how many devices" in line


def test_unknown_options_and_formats(capsys):
    for arguments in (
        ["export", "run", "--format", "pickle"],
        ["train", "--epoch-count", "3"],
        ["fly"],
    ):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        assert stopped.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


def test_other_backends_are_told_what_to_set(capsys, monkeypatch, tmp_path):
    pytest.importorskip("tensorflow")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    for command in (["train", "--out"], ["evaluate"], ["export"], ["predict", "x"]):
        assert "KERAS_BACKEND=tensorflow" in fails(capsys, *command, tmp_path / "run")
