"""What a person reads on a page of a report, by Python's own parser."""

import dataclasses
from html.parser import HTMLParser
from pathlib import Path


@dataclasses.dataclass
class Told:
    """The texts of a page: all of them, and those of its tables and cards."""

    text: str = ""
    tables: dict = dataclasses.field(default_factory=dict)
    facts: dict = dataclasses.field(default_factory=dict)
    cards: dict = dataclasses.field(default_factory=dict)
    pictures: list = dataclasses.field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.told = Told()
        self.open = []
        self.caption = ""
        self.rows = []
        self.kind = ""
        self.list = ""

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "img":
            self.told.pictures.append(named)
        if tag in ("img", "meta", "br"):
            return
        self.open.append(tag)
        if tag in ("h2", "h3", "summary"):
            self.caption = ""
        if tag == "ul":
            self.list = named["class"]
        if tag == "li":
            self.card = {}
        if tag == "table":
            self.kind, self.rows = named["class"], []
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "table" and self.kind == "facts":
            self.told.facts.update(map(tuple, self.rows))
        elif tag == "table":
            self.told.tables[self.caption] = self.rows
        if tag == "li" and self.list == "cards":
            self.told.cards[self.card["span"]] = self.card["strong"]

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.told.text += data
        if self.open and self.open[-1] in ("h2", "h3", "summary"):
            self.caption += data
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] in ("span", "strong"):
            self.card[self.open[-1]] = data


def parsed(path):
    """Reads a page; fails if its tags do not match."""
    reader = _Reader()
    reader.feed(Path(path).read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    return reader.told
