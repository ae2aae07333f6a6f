"""One network, the same counts by every kind of file."""

import json

import numpy as np
import pytest
from made_runs import network
from pictures import encoded, photograph

from keras_senet import cli

pytestmark = [
    pytest.mark.slow,
    pytest.mark.export,
    pytest.mark.usefixtures("only_tensorflow"),
]
NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of photographs, a model, and what was exported of it."""
    root = tmp_path_factory.mktemp("files")
    for seed in range(11):
        folder = root / "data" / NAMES[seed % 4]
        folder.mkdir(parents=True, exist_ok=True)
        picture = encoded(photograph(60 + seed, 50, seed), "PNG")
        (folder / f"{seed}.png").write_bytes(picture)
    network(32, 4, NAMES).save(root / "model.keras")
    formats = ["--format", "saved_model", "tflite", "onnx"]
    command = ["export", str(root / "model.keras"), *formats]
    assert cli.main([*command, "--out", str(root / "out")]) == 0
    return root


def evaluated(capsys, files, *arguments):
    capsys.readouterr()
    data = ["--data", str(files / "data"), "--json"]
    assert cli.main(["evaluate", *map(str, arguments), *data]) == 0
    return json.loads(capsys.readouterr().out)


FILES = ("out/saved_model", "out/model.tflite", "out/model.onnx")


@pytest.mark.parametrize("options", [(), ("--protocol", "ten-crop", "--resize", "40")])
def test_every_file(options, files, capsys):
    expected = evaluated(capsys, files, files / "model.keras", *options)
    assert expected["metrics"]["count"] == 11
    everything = [files / name for name in FILES]
    for given in (*([x] for x in everything), everything):
        found = evaluated(capsys, files, *given, *options)
        for key in ("count", "top1", "top5", "confusion"):
            assert found["metrics"][key] == expected["metrics"][key]
        np.testing.assert_allclose(
            found["metrics"]["cross_entropy"],
            expected["metrics"]["cross_entropy"],
            rtol=1e-5,
        )
        assert found["protocol"] == expected["protocol"]


@pytest.mark.parametrize("name", FILES)
def test_files_are_of_one_size(name, files, capsys):
    command = ["evaluate", str(files / name), "--data", str(files / "data")]
    assert cli.main([*command, "--crop", "48"]) == 2
    error = capsys.readouterr().err
    assert "takes images of 32 x 32 pixels, not of 48" in error
    assert "Export the model at that size" in error
