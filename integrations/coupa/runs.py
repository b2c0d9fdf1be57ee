"""What we tell Coupa of our own work: integration runs, and errors on them, found by our reference.

Coupa's administrators see both beside the documents they concern. A run is made pending and then
ended; neither call has a key, so our reference is looked up before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controltower.canonical.verdicts import Done, Outcome, Verdict
from integrations import exact_json
from integrations.connector import Key
from integrations.http import Answer
from integrations.shape import Drift, Row, at, choice, moment, object_of, of_type, required, text

_RUN_STATUS = ("pending", "running", "paused", "success", "failed")
_ERROR_STATUS = ("open", "resolved")


@dataclass(frozen=True, slots=True)
class Note:
    """A kind of note: where it is kept, the statuses it has, and by which action it gets there."""

    entity: str
    resource: str
    statuses: tuple[str, ...]
    endings: Mapping[str, str]


RUN = Note(
    "integration_run", "/integration_runs", _RUN_STATUS, {"succeed": "success", "fail": "fail"}
)
ERROR = Note("integration_error", "/integration_errors", _ERROR_STATUS, {"resolve": "resolve"})
NOTES: Mapping[str, Note] = {one.entity: one for one in (RUN, ERROR)}


def noted(note: Note, row: Row, answer: Answer, outcome: Outcome = Outcome.READ) -> Done:
    """A note as an answer tells it. Raises Drift."""
    values = values_of(note, row)
    return Done(
        ref=values["source_id"],
        outcome=outcome,
        version=version_of(row),
        values=values,
        exchange=answer.exchange,
    )


def as_noted(note: Note, answer: Answer | Verdict, outcome: Outcome) -> Verdict:
    """What a write came to; an answer that is not shaped as agreed tells nothing."""
    if not isinstance(answer, Answer):
        return answer
    try:
        return noted(note, object_of(exact_json.decode(answer.body)), answer, outcome)
    except Drift as drift:
        return drift.doubt(answer.exchange)


def values_of(note: Note, row: Row) -> dict[str, Any]:
    """A note in canonical words. Raises Drift."""
    return {
        "source_id": ref_of(row),
        "reference": text(row, "external-id"),
        "status": choice(row, "status", dict(zip(note.statuses, note.statuses, strict=True))),
        "text": text(row, "details"),
        "integration": text(row, "integration.name"),
        "document_type": text(row, "document-type"),
        "document_id": "" if at(row, "document-id") is None else str(at(row, "document-id")),
    }


def ref_of(row: Row) -> str:
    """Coupa's id of a record. Raises Drift."""
    number = of_type(row, "id", int)
    if number is None:
        raise Drift("“id” is empty")
    return str(number)


def version_of(row: Row) -> str:
    """Orders what Coupa said of one record. Raises Drift."""
    return moment(row, "updated-at").isoformat(timespec="microseconds")


def key_of(row: Row) -> Key:
    """What reconciliation compares. Raises Drift."""
    return Key(ref_of(row), required(row, "external-id"), version_of(row))
