"""One HTML file that asks nobody for anything."""

import base64
import re

import numpy as np
import pytest
from html_text import parsed
from pictures import encoded
from test_cli import fails

from keras_senet.reporting.page import (
    Card,
    Grid,
    Mistake,
    Page,
    Picture,
    Section,
    embedded,
    write_page,
)

UndefinedError = pytest.importorskip("jinja2").UndefinedError


def page(**changes):
    picture = "data:image/png;base64," + base64.b64encode(
        encoded(np.zeros((4, 4, 3), "uint8"), "PNG")
    ).decode("ascii")
    section = Section(
        anchor="numbers",
        title="Numbers",
        texts=["Some & more"],
        facts=[("seed", "7")],
        figures=[Picture(source=picture, caption="A black square")],
        mistakes=[
            Mistake(
                source=picture,
                name="a<b>.png",
                label="cat",
                predicted="<script>alert(1)</script>",
                numbers="0.9 against 0.1",
            )
        ],
        tables=[
            Grid(titles=("class", "right"), rows=[("cat", "1 of 2")], caption="Each"),
            Grid(titles=("a",), rows=[("hidden",)], caption="Long", folded=True),
        ],
    )
    fields = {
        "title": "A run",
        "subtitle": "of something",
        "cards": [Card(name="accuracy", value="0.5", note="1 of 2")],
        "sections": [section],
        "footer": "made by hand",
    }
    return Page(**fields | changes)


def test_everything_is_in_the_page(tmp_path):
    write_page(page(), tmp_path / "page.html")
    told = parsed(tmp_path / "page.html")
    for text in ("A run", "of something", "Some & more", "0.9 against 0.1", "hidden"):
        assert text in told.text
    assert told.tables["Each"] == [["class", "right"], ["cat", "1 of 2"]]
    assert told.tables["Long"] == [["a"], ["hidden"]]
    assert told.facts == {"seed": "7"}
    assert told.cards == {"accuracy": "0.5"}
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_names_are_no_markup(tmp_path):
    write_page(page(title="<b>&"), tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert "<script" not in html
    assert "<b>" not in html
    told = parsed(tmp_path / "page.html")
    assert "<script>alert(1)</script>" in told.text
    assert "a<b>.png" in told.text


def test_nothing_is_fetched(tmp_path):
    write_page(page(), tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert re.findall(r'\b(?:src|href)="(.{5})', html) == ["#numb", "data:", "data:"]
    assert not re.search("@import|url[(]", html)
    assert "default-src 'none'" in html
    assert "://" not in html


def test_pictures_come_back_to_the_bit(tmp_path):
    data = encoded(np.arange(48, dtype="uint8").reshape(4, 4, 3), "PNG")
    (tmp_path / "picture.png").write_bytes(data)
    kind, _, text = embedded(tmp_path / "picture.png").partition(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(text) == data


def test_a_page_that_cannot_be_made_leaves_nothing(tmp_path):
    with pytest.raises(UndefinedError):
        write_page(page(sections=[None]), tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_bad_options_are_refused_before_a_model_is_opened(capsys):
    for option, value in (("--may-lose", "-1"), ("--mistakes", "-1")):
        line = fails(capsys, "report", "nowhere", option, value)
        assert "Received" in line
        assert "nowhere" not in line
