"""The report of a real run: what a person reads is what the files say."""

import base64
import io
import json
import shutil
import subprocess

import numpy as np
import pytest
from html_text import parsed
from PIL import Image

from keras_senet import cli

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two epochs on small digits, exported, with its report."""
    path = tmp_path_factory.mktemp("runs") / "small <digits>"
    options = ["--epochs", "2", "--image-size", "16", "--out", str(path)]
    assert cli.main(["train", *options]) == 0
    assert cli.main(["report", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def numbers(run):
    return json.loads((run / "report" / "report.json").read_text())


@pytest.fixture(scope="module")
def told(run):
    return parsed(run / "report" / "report.html")


def test_the_numbers_are_those_of_the_run(run, numbers, capsys):
    record = json.loads((run / "record.json").read_text())
    metrics = numbers["evaluation"]["metrics"]
    for name in ("count", "top1", "top5", "cross_entropy"):
        assert metrics[name] == record["metrics"]["test"][name]
    assert numbers["run"]["history"] == record["history"]
    assert numbers["model"]["parameters"] == record["model"]["parameters"]
    exports = json.loads((run / "export" / "report.json").read_text())
    assert numbers["exports"] == exports["files"]
    capsys.readouterr()
    assert cli.main(["evaluate", str(run), "--json"]) == 0
    evaluated = json.loads(capsys.readouterr().out)
    for name in ("data", "protocol", "metrics"):
        assert numbers["evaluation"][name] == evaluated[name]


def test_a_person_reads_these_numbers(numbers, told):
    metrics = numbers["evaluation"]["metrics"]
    count = metrics["count"]
    assert told.cards["Top-1 accuracy"] == f"{100 * metrics['top1'] / count:.2f}%"
    assert told.cards["Top-5 accuracy"] == f"{100 * metrics['top5'] / count:.2f}%"
    assert told.cards["Cross entropy"] == f"{metrics['cross_entropy']:.4f}"
    assert told.cards["Parameters"] == f"{numbers['model']['parameters']:,}"
    classes = told.tables["Each class"][1:]
    confusion = np.array(metrics["confusion"])
    assert [int(row[1]) for row in classes] == confusion.sum(axis=1).tolist()
    assert [int(row[2]) for row in classes] == confusion.diagonal().tolist()
    assert [int(row[4]) for row in classes] == confusion.sum(axis=0).tolist()
    epochs = told.tables["All epochs"]
    assert [row[0] for row in epochs] == ["epoch", "1", "2"]
    blocks = told.tables["Each block"][1:]
    for row, block in zip(blocks, numbers["explanation"]["blocks"], strict=True):
        assert row[:3] == [
            block["block"],
            str(block["channels"]),
            f"{block['mean']:.3f}",
        ]
    (file,) = told.tables["Exported files"][1:]
    assert file[2] == f"{numbers['exports']['saved_model/1']['bytes']:,}"
    assert "small <digits>" in told.text


def test_advice_adds_up(numbers, told):
    advice = numbers["explanation"]["advice"]
    rows = told.tables["Each block by itself"][1:]
    assert [row[0] for row in rows] == list(advice["constant"])
    for row, cost in zip(rows, advice["constant"].values(), strict=True):
        change = cost["change"]
        assert change["right"] == advice["right"] - change["lost"] + change["won"]
        assert row[1] == f"{100 * change['right'] / change['count']:.2f}%"
        assert row[2:4] == [str(change["lost"]), str(change["won"])]
        assert int(row[6].replace(",", "")) == cost["parameters"] > 0
    # Of C channels and C // 16 hidden units: two matrices and two biases.
    for name, cost in advice["constant"].items():
        channels = {"2": 16, "3": 32, "4": 64}[name[5]]
        hidden = channels // 16
        assert cost["parameters"] == 2 * channels * hidden + channels + hidden
    together = advice["together"]
    if together is not None:
        saved = [advice["constant"][name]["parameters"] for name in together["blocks"]]
        assert together["parameters"] == sum(saved)


def test_mistakes_are_shown_as_the_network_saw_them(numbers, told):
    mistakes = numbers["mistakes"]
    wrong = numbers["evaluation"]["metrics"]
    assert len(mistakes) == min(12, wrong["count"] - wrong["top1"]) > 0
    sure = [each["probability"] for each in mistakes]
    assert sure == sorted(sure, reverse=True)
    pictures = {x["alt"]: x["src"] for x in told.pictures}
    from sklearn.datasets import load_digits

    digits = load_digits()
    for each in mistakes:
        assert each["label"] != each["predicted"]
        index = int(each["name"].removeprefix("digit "))
        assert str(digits.target[index]) == each["label"]
        data = base64.b64decode(pictures[each["name"]].partition("base64,")[2])
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(image.resize((8, 8), Image.Resampling.BOX), float)
        expected = np.rint(digits.images[index] * (255 / 16))
        # Enlarged bilinearly and averaged again, a digit is blurred a little.
        assert np.corrcoef(pixels[..., 0].ravel(), expected.ravel())[0, 1] > 0.95


def test_all_figures_are_there(told):
    captions = [x["alt"] for x in told.pictures]
    for words in ("epoch", "Confusion", "sure", "figure 8", "deviation", "near zero"):
        assert any(words in caption for caption in captions), words


def test_a_browser_shows_it_and_asks_nobody(run, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium")
    page = run / "report" / "report.html"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--enable-logging=stderr",
        "--v=0",
        "--window-size=1200,900",
        f"--screenshot={tmp_path / 'page.png'}",
    ]
    done = subprocess.run(
        [browser, *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    # What the page's own rules forbid, or what cannot be shown, is told here.
    assert "CONSOLE" not in done.stderr
    with Image.open(tmp_path / "page.png") as image:
        pixels = np.asarray(image.convert("RGB"), int)
    assert pixels.shape == (900, 1200, 3)
    # White cards with dark letters on the ground of the style sheet.
    colors = {tuple(x) for x in pixels[::7, ::7].reshape(-1, 3)}
    assert {(245, 247, 250), (255, 255, 255)} <= colors
    assert pixels.min() < 60
