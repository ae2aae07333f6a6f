"""The page as data, and as HTML that needs nothing from anywhere else."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from keras_senet.files import written_whole

FILES = resources.files("keras_senet.reporting")
KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True, kw_only=True)
class Card:
    """A number that matters.

    Attributes:
        name: What it is.
        value: As it is shown.
        note: What to know of it.
    """

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture within the page.

    Attributes:
        source: A `data:` address, which holds the picture itself.
        caption: What it shows.
    """

    source: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table.

    Attributes:
        titles: Of its columns.
        rows: Of texts, as many as there are columns.
        caption: What it shows.
        folded: Whether a click opens it: it is long.
    """

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """An image that was taken for something else.

    Attributes:
        source: A `data:` address, which holds the image.
        name: Of the image.
        label: The right class.
        predicted: The class that it was taken for.
        numbers: The probabilities of both.
    """

    source: str
    name: str
    label: str
    predicted: str
    numbers: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes:
        anchor: What links to it are called.
        title: Its title.
        texts: Paragraphs.
        facts: Names and values.
        figures: Pictures.
        mistakes: Images that were taken for something else.
        tables: Tables.
    """

    anchor: str
    title: str
    texts: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    figures: Sequence[Picture] = ()
    mistakes: Sequence[Mistake] = ()
    tables: Sequence[Grid] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page.

    Attributes:
        title: Its title.
        subtitle: What it is about.
        cards: The numbers that matter most.
        sections: Its parts.
        footer: What made it.
    """

    title: str
    subtitle: str
    cards: Sequence[Card] = ()
    sections: Sequence[Section] = field(default_factory=tuple)
    footer: str = ""


def embedded(path: str | os.PathLike) -> str:
    """The `data:` address of a picture, which holds the picture itself.

    Args:
        path: A PNG or SVG file.

    Returns:
        The address.
    """
    path = Path(path)
    return embedded_bytes(path.read_bytes(), KINDS[path.suffix])


def embedded_bytes(data: bytes, kind: str = "image/png") -> str:
    """The `data:` address of the bytes of a file of some kind."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def write_page(page: Page, path: str | os.PathLike) -> None:
    """Writes a page as one HTML file, with its pictures and style inside.

    Nothing is fetched from anywhere, and nothing runs: the page itself forbids it.

    Args:
        page: The page.
        path: The file.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(_text("page.html"))
    text = template.render(page=page, style=Markup(_text("page.css")))
    with written_whole(path) as whole:
        whole.write_text(text, encoding="utf-8")


def _text(name: str) -> str:
    return FILES.joinpath(name).read_text(encoding="utf-8")
