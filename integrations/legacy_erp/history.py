"""What the ERP was told of one record so far, and what it has said to each: files numbered upwards.

A record's files are ``KIND_key.001``, ``.002`` …: their names are known without listing a folder.
The ERP takes a file of one name once, acknowledges it, and only then takes it out of the inbox.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from controltower.canonical.verdicts import (
    Exchange,
    FieldError,
    Kind,
    Pending,
    Rejected,
    TryLater,
    Verdict,
)
from integrations.legacy_erp.batch import Amounts, Fields, digest_of, field, read, written
from integrations.shape import Drift

if TYPE_CHECKING:
    from integrations.legacy_erp.client import Session

INBOX, ACKS, ARCHIVED, TOLD = "in", "ack", "archive/in", "archive/ack"
_LONGEST = 100
_MOST_FILES = 999
_KINDS = {
    "PERIOD": Kind.PERIOD_CLOSED,
    "UNKNOWN": Kind.REFERENCE_MISSING,
    "DUPLICATE": Kind.DUPLICATE,
    "POSTED": Kind.CONFLICT,
}
AMOUNTS: Mapping[str, Amounts] = {"INVOICE": {"R": 6}, "CUSTOMER": {}, "RELEASE": {}, "ACK": {}}
_PREFIX = {"INVOICE": "INV", "CUSTOMER": "CUS", "RELEASE": "REL"}


class State(StrEnum):
    """How far the ERP has come with a file."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TOLD = "told"
    """It was rejected, and whoever sent it knows."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ERP's answer to a file; `document` is what it has made of it."""

    at: datetime
    document: Fields
    rejects: Sequence[Fields]


@dataclass(frozen=True, slots=True)
class Sent:
    """One file of a record. `digest` is of its content, "" when it was damaged on its way."""

    name: str
    state: State
    digest: str = ""
    answer: Acknowledged | None = None

    def rejection(self, exchange: Exchange) -> Rejected | TryLater:
        """The ERP's no, row by row. Nothing of the file was booked; one that was damaged on its way
        may be sent again."""
        assert self.answer is not None
        errors = [
            FieldError(field(row, 3), f"Row {field(row, 1)}: {field(row, 4)}")
            for row in self.answer.rejects
        ]
        code = field(self.answer.rejects[0], 2)
        text = " ".join(error.text for error in errors)
        if code == "TOTALS":
            return TryLater(kind=Kind.TRANSIENT, text=text, exchange=exchange)
        kind = _KINDS.get(code, Kind.VALIDATION)
        return Rejected(kind=kind, text=text, fields=tuple(errors), exchange=exchange)


_NONE = Sent("", State.TOLD)


class History:
    """The files of one record, by what it is and its key."""

    def __init__(self, session: Session, kind: str, key: str) -> None:
        self._session = session
        self.kind = kind
        safe = quote(key, safe="")
        if len(safe) > _LONGEST:
            safe = hashlib.sha256(key.encode()).hexdigest()
        self._stem = f"{_PREFIX[kind]}_{safe}"

    async def files(self) -> Sequence[Sent]:
        """All of them, the oldest first. Raises CallFailed, Drift."""
        found: list[Sent] = []
        while len(found) < _MOST_FILES:
            sent = await self._file(self._name(len(found) + 1))
            if sent is None:
                return found
            found.append(sent)
        raise Drift(f"{self._stem} was sent more than {_MOST_FILES} times")

    async def hand_over(
        self, files: Sequence[Sent], records: Sequence[Fields], rest: timedelta
    ) -> Sent | Verdict:
        """Send records behind the `files` so far, unless the last of them says the same: then what
        has become of it. A rejection is told once; the same may then be sent anew."""
        last = files[-1] if files else _NONE
        same = last.digest in {"", digest_of(records)}
        if same and last.state is State.ACCEPTED:
            return last
        if same and last.state is State.REJECTED:
            await self._session.move(f"{ACKS}/{last.name}.ack", f"{TOLD}/{last.name}.ack")
            return last.rejection(self._session.exchange)
        name = last.name
        if not same or last.state is not State.WAITING:
            name = self._name(len(files) + 1)
            content = written(self.kind, (name,), records, AMOUNTS[self.kind])
            await self._session.place(f"{INBOX}/{name}.csv", content)
        return Pending(job=name, after=rest, exchange=self._session.exchange)

    async def content(self, sent: Sent) -> Sequence[Fields]:
        """The records of a file that was accepted. Raises CallFailed, Drift."""
        raw = await self._session.read(f"{ARCHIVED}/{sent.name}.csv")
        if raw is None:
            raise Drift(f"{sent.name} was acknowledged, but is not in the archive")
        return read(raw, self.kind, AMOUNTS[self.kind]).records

    def _name(self, number: int) -> str:
        return f"{self._stem}.{number:03d}"

    async def _file(self, name: str) -> Sent | None:
        # the inbox first: a file leaves it only when its acknowledgement is there
        raw = await self._session.read(f"{INBOX}/{name}.csv")
        if raw is not None:
            with suppress(Drift):
                return Sent(name, State.WAITING, read(raw, self.kind, AMOUNTS[self.kind]).digest)
            return Sent(name, State.WAITING)
        answer = await self._session.read(f"{ACKS}/{name}.ack")
        if answer is not None:
            return acknowledged(name, answer)
        if await self._session.exists(f"{TOLD}/{name}.ack"):
            return Sent(name, State.TOLD)
        return None


def acknowledged(name: str, raw: bytes) -> Sent:
    """A file with the ERP's answer to it. Raises Drift."""
    answer = read(raw, "ACK", AMOUNTS["ACK"])
    if field(answer.head, 0) != name:
        raise Drift(f"the acknowledgement of {name} speaks of another file")
    state = {"ACCEPTED": State.ACCEPTED, "REJECTED": State.REJECTED}.get(field(answer.head, 1))
    if state is None:
        raise Drift(f"the acknowledgement of {name} neither accepts nor rejects it")
    documents = [row for row in answer.records if row[:1] == ["D"]]
    rejects = [row for row in answer.records if row[:1] == ["E"]]
    if bool(rejects) == bool(documents):
        raise Drift(f"the acknowledgement of {name} says neither what was made nor what is wrong")
    at = moment_of(field(answer.head, 2))
    told = Acknowledged(at, documents[0] if documents else (), rejects)
    return Sent(name, state, field(answer.head, 3), told)


def moment_of(text: str) -> datetime:
    """A time as the ERP writes it: ISO 8601 with its zone. Raises Drift."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Drift(f"“{text[:40]}” is not a time") from None
    if found.tzinfo is None:
        raise Drift("a time has no zone")
    return found
