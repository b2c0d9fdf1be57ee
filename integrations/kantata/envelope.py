"""The vendor's envelope: which records a page has, and every record by collection and id.

``{"results": [{"key": "workspaces", "id": "7"}], "workspaces": {"7": {…}}, "meta": {…}}``; what was
asked for with ``include`` stands beside it in collections of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from controltower.canonical.verdicts import Exchange
from integrations import exact_json
from integrations.http import Answer
from integrations.shape import Drift, Row, at, listed, object_of, of_type, required


@dataclass(frozen=True, slots=True)
class Envelope:
    """One page or several. `rows` are the records asked for, in the vendor's order."""

    rows: tuple[Row, ...]
    beside: Row
    pages: int
    exchange: Exchange

    @classmethod
    def read(cls, answer: Answer) -> Envelope:
        """From a success. Raises Drift."""
        content = object_of(exact_json.decode(answer.body))
        rows = tuple(
            _of(content, required(result, "key"), required(result, "id"))
            for result in listed(content, "results")
        )
        pages = of_type(content, "meta.page_count", int)
        return cls(rows, content, pages or 0, answer.exchange)

    def with_more(self, other: Envelope) -> Envelope:
        """This page and the one after it."""
        beside = dict(self.beside)
        for name, shelf in other.beside.items():
            if isinstance(shelf, dict) and isinstance(beside.get(name), dict):
                beside[name] = {**beside[name], **shelf}
        return replace(self, rows=(*self.rows, *other.rows), beside=beside)

    def one(self) -> Row:
        """The only record. Raises Drift."""
        if len(self.rows) != 1:
            raise Drift("“results” does not name exactly one record")
        return self.rows[0]

    def related(self, row: Row, link: str, collection: str) -> Row | None:
        """The record that `row` names in the member `link`; None when it names none. Raises
        Drift."""
        number = identifier(row, link)
        return _of(self.beside, collection, number) if number else None

    def all_related(self, row: Row, link: str, collection: str) -> list[Row]:
        """The records that `row` names in the list `link`. Raises Drift."""
        numbers = at(row, link)
        if not isinstance(numbers, list):
            raise Drift(f"“{link}” is not a list")
        return [_of(self.beside, collection, str(number)) for number in numbers]


def identifier(row: Row, path: str) -> str:
    """An id, which the vendor writes as text or as a number; "" when null. Raises Drift."""
    found = at(row, path)
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, int | str):
        raise Drift(f"“{path}” is of another type")
    return str(found)


def _of(content: Row, collection: str, number: str) -> Row:
    return object_of(at(content, (collection, number)))
