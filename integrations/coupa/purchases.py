"""Purchases as they are answered and compared."""

from __future__ import annotations

from collections.abc import Sequence

from controltower.canonical.verdicts import Done, Outcome
from integrations.connector import Key
from integrations.coupa import runs, translate
from integrations.coupa.translate import Document
from integrations.http import Answer
from integrations.shape import Row


def bought(document: Document, row: Row, answer: Answer) -> Done:
    """One that was read, in canonical words. Raises Drift."""
    found = translate.purchase(document, row)
    return Done(
        ref=found.source_id,
        outcome=Outcome.READ,
        version=runs.version_of(row),
        values=found.as_dict(),
        exchange=answer.exchange,
    )


def keys(document: Document, rows: Sequence[Row]) -> list[Key]:
    """What reconciliation compares of them. Raises Drift."""
    versions = [runs.version_of(row) for row in rows]
    found = [translate.purchase(document, row) for row in rows]
    return [
        Key(one.source_id, one.number, version, str(one.amount), one.currency)
        for one, version in zip(found, versions, strict=True)
    ]
