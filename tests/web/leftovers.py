"""Pages in a language that brackets everything it knows: what stands outside is left in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from controltower.web import catalogues
from controltower.web.sayings import SEAMS

OPEN, CLOSE = "⟦", "⟧"
SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-label")
QUOTED = {"script", "style", "pre", "q", "code", "svg", "textarea", "del", "ins"}
"""Elements that hold what others wrote, or what a form edits as it is kept."""


def bracket(source: Path, compiled: Path) -> None:
    """Compile a catalogue in which every message is said between brackets."""
    catalogue = Catalog(locale="de")
    for message in catalogues.read(source):
        if isinstance(message.id, str):
            if message.id:
                catalogue.add(message.id, _bracketed(message.id), context=message.context)
        else:
            forms = tuple(map(_bracketed, message.id))
            catalogue.add(message.id, forms, context=message.context)
    bracketed = compiled.parent / "bracketed" / "de" / "LC_MESSAGES" / "django.po"
    bracketed.parent.mkdir(parents=True)
    with bracketed.open("wb") as file:
        write_po(file, catalogue)
    catalogues.compile_all(bracketed.parents[2], compiled)


def _bracketed(text: str) -> str:
    """Sentence by sentence, since one may be shown without the others."""
    return OPEN + re.sub(SEAMS[0][0], f"{CLOSE} {OPEN}", text) + CLOSE


class Reader(HTMLParser):
    """Collects what a page says outside of brackets, in its text and in its spoken attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.quoted: list[str] = []
        self.left: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An attribute is read by itself; what is quoted is not read."""
        if tag in QUOTED:
            self.quoted.append(tag)
        for name, value in attrs:
            if name in SPOKEN:
                self.left += _outside(value or "", 0)[0]

    def handle_endtag(self, tag: str) -> None:
        """A quotation is over with its own element."""
        if self.quoted and tag == self.quoted[-1]:
            self.quoted.pop()

    def handle_data(self, data: str) -> None:
        """A sentence may hold elements: its brackets are counted over them."""
        outside, self.depth = _outside(data, self.depth)
        if not self.quoted:
            self.left += outside


def _outside(text: str, depth: int) -> tuple[list[str], int]:
    found, at = list[str](), ""
    for sign in text:
        if sign not in (OPEN, CLOSE):
            at += "" if depth else sign
            continue
        depth += 1 if sign == OPEN else -1
        found.append(at)
        at = ""
    return [part.strip() for part in [*found, at] if part.strip()], depth


def left(page: str) -> Iterator[str]:
    """What a page says outside of brackets."""
    reader = Reader()
    reader.feed(page)
    yield from reader.left
