"""How far a reading of what is not yet flagged has come."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.coupa.translate import DOCUMENTS, Document


@dataclass(frozen=True, slots=True)
class Place:
    """The kind of document, and the id after which the reading goes on."""

    kind: str
    after: int

    @classmethod
    def read(cls, cursor: str) -> Place:
        """From a cursor; the beginning when it cannot be read, which loses nothing."""
        kind, _, after = cursor.partition(" ")
        if kind in DOCUMENTS and after.isascii() and after.isdecimal() and len(after) < 19:
            return cls(kind, int(after))
        return cls(next(iter(DOCUMENTS)), 0)

    @classmethod
    def behind(cls, source_id: str) -> Place:
        """After a purchase of ours, "invoice-12"."""
        kind, _, number = source_id.partition("-")
        return cls(kind, int(number))

    def text(self) -> str:
        """As a cursor."""
        return f"{self.kind} {self.after}"

    def remaining(self) -> list[Document]:
        """This kind and those after it."""
        return list(DOCUMENTS.values())[list(DOCUMENTS).index(self.kind) :]
