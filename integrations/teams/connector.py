"""Teams' door: a team for each project, ordered, waited for and found by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Pending,
    Quota,
    Rejected,
    Unknown,
    Verdict,
)
from integrations.answers import as_agreed, not_offered, verdict_from
from integrations.connector import (
    CallFailed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Verification,
)
from integrations.graph import ROOT, GraphClient, content_of
from integrations.http import Answer
from integrations.shape import Drift, moment, required
from integrations.teams import rooms
from integrations.teams.needs import NEEDS

_TITLE, _ROOM = "Teams", "room"
LOOK_AGAIN = timedelta(seconds=30)
"""Graph asks not to look after an operation more often."""
_WORKING = {"notStarted", "inProgress"}
_ORDERED: dict[tuple[str, str], str] = {}
"""Where the orders of this process are watched, by connection and name; in memory only. Where one
is not known any more, the team itself tells."""


class TeamsConnector:
    """One tenant. Secrets: `client_id`, `client_secret`. Options: `owner` (the id of the user who
    owns the teams), those of the sign-in."""

    descriptor = Descriptor(
        name="teams",
        title=_TITLE,
        domain="Collaboration",
        api_version="Graph v1.0",
        feeds={},
        operations=(
            Operation(_ROOM, "get", Effect.READ),
            Operation(_ROOM, "upsert", Effect.LAGGING, quarantine=timedelta(minutes=5)),
            Operation(_ROOM, "notify", Effect.UNREPEATABLE),
        ),
        verification=Verification.SANDBOX,
        concurrency=2,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._graph = GraphClient(connection, _TITLE)
        self._here = connection.base_url
        self._owner = str(connection.options.get("owner") or "")

    async def close(self) -> None:
        """Give sockets back."""
        await self._graph.close()

    async def health(self) -> Verdict:
        """Ask for one team: signed in, and almost nothing to answer."""
        try:
            answer = await self._graph.call("GET", f"{ROOT}/teams?$top=1")
        except CallFailed as failure:
            return failure.verdict
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """Graph says when it is too much, and not before."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Not offered: nothing that is said in Teams is a fact for the firm's books."""
        raise CallFailed(not_offered(_TITLE, f"changes of {entity}"))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """There are no changes to tell."""
        return None

    async def ack(self, refs: Sequence[str]) -> None:
        """There are no changes to acknowledge."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One team by its id."""
        _offered(entity)
        if not ref:
            return Rejected(kind=Kind.NOT_FOUND, text="No team has an empty id.")
        return await verdict_from(self._at(ref))

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A team by its `name`, Pending while one that was ordered here is not ready."""
        _offered(entity)
        name = str(business_key.get("name") or "")
        if not name:
            unclear = f"No team can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        return await verdict_from(self._known(name))

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Whether Teams takes such a name; nothing is asked for that."""
        _offered(entity)
        return rooms.unfit(record)

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Order the team `name` with its `purpose`, unless there is one of that name: names are
        made of our references. Teams would give a name twice, so it is asked first."""
        if entity != _ROOM:
            return not_offered(_TITLE, f"upsert of {entity}")
        if refusal := rooms.unfit(record):
            return refusal
        name, purpose = str(record["name"]), str(record.get("purpose") or "")
        known = await self.find(_ROOM, {"name": name})
        if isinstance(known, Rejected) and known.kind is Kind.NOT_FOUND:
            return await self._opened(name, purpose)
        if not isinstance(known, Done):
            return known
        if known.values["purpose"] == purpose:
            return replace(known, outcome=Outcome.ALREADY_DONE)
        return await self._described(known, purpose)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``notify``: say `text` in a team's first channel. Teams keeps no key of ours and every
        repetition is a second notice, so it is never sent again by itself."""
        if (entity, action) != (_ROOM, "notify"):
            return not_offered(_TITLE, f"“{action}” on {entity}")
        try:
            channel = await self._graph.call("GET", f"{_team(ref)}/primaryChannel")
            number = as_agreed(lambda: required(content_of(channel), "id"), channel.exchange)
            target = f"{_team(ref)}/channels/{quote(number, safe='')}/messages"
            answer = await self._graph.call("POST", target, rooms.notice(str(record["text"])))
        except CallFailed as failure:
            return failure.verdict
        try:
            said = required(content_of(answer), "id")
        except Drift as drift:
            return drift.doubt(answer.exchange)
        return Done(ref=ref, outcome=Outcome.CREATED, version=said, exchange=answer.exchange)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """The teams that were made in the window. Raises CallFailed."""
        _offered(entity)
        rows = await self._graph.rows(f"{ROOT}/teams")

        def inside() -> list[Key]:
            made = [row for row in rows if since <= moment(row, "createdDateTime") < until]
            return [rooms.key_of(row) for row in made]

        return as_agreed(inside)

    async def _at(self, ref: str) -> Verdict:
        answer = await self._graph.call("GET", _team(ref))
        return as_agreed(lambda: rooms.shown(answer), answer.exchange)

    async def _known(self, name: str) -> Verdict:
        """The team of that name, as far as it is there. Raises CallFailed."""
        if operation := _ORDERED.get((self._here, name)):
            waits = await self._waits(name, operation)
            if waits:
                return waits
        rows = await self._graph.rows(rooms.named(name))
        refs = as_agreed(lambda: [required(row, "id") for row in rows])
        if not refs:
            return Rejected(kind=Kind.NOT_FOUND, text=f"Teams has no team “{name}”.")
        if len(refs) > 1:
            text = f"{len(refs)} teams are called “{name}”: {', '.join(refs)}."
            return Rejected(kind=Kind.DUPLICATE, text=text)
        return await self._at(refs[0])

    async def _waits(self, name: str, operation: str) -> Verdict | None:
        """Why a team that was ordered is not there: Pending, or the refusal of the order. None
        when it is, or when nobody can say. Raises CallFailed."""
        try:
            answer = await self._graph.call("GET", operation)
        except CallFailed as failure:
            if not (
                isinstance(failure.verdict, Rejected) and failure.verdict.kind is Kind.NOT_FOUND
            ):
                raise
            del _ORDERED[self._here, name]
            return None
        status = as_agreed(lambda: required(content_of(answer), "status"), answer.exchange)
        if status in _WORKING:
            return Pending(job=operation, after=LOOK_AGAIN, exchange=answer.exchange)
        _ORDERED.pop((self._here, name), None)
        if status == "succeeded":
            return None
        text = f"Teams could not make the team “{name}” ({_failure(answer)})."
        return Rejected(kind=Kind.VALIDATION, text=text, exchange=answer.exchange)

    async def _opened(self, name: str, purpose: str) -> Verdict:
        """Order the team; often it is there at once."""
        try:
            order = rooms.ordered(name, purpose, self._owner)
            answer = await self._graph.call("POST", f"{ROOT}/teams", order)
        except CallFailed as failure:
            return failure.verdict
        operation = _operation_of(answer)
        if operation is None:
            return Drift("it does not say where the order is watched").doubt(answer.exchange)
        _ORDERED[self._here, name] = operation
        waits = Pending(job=operation, after=LOOK_AGAIN, exchange=answer.exchange)
        try:
            refused = await self._waits(name, operation)
            known = refused or await self._known(name)
        except CallFailed:
            return waits
        if isinstance(known, Done):
            return replace(known, outcome=Outcome.CREATED)
        return known if refused else waits

    async def _described(self, known: Done, purpose: str) -> Verdict:
        try:
            answer = await self._graph.call("PATCH", _team(known.ref), {"description": purpose})
        except CallFailed as failure:
            return failure.verdict
        told = await self.get(_ROOM, known.ref)
        if isinstance(told, Done):
            return replace(told, outcome=Outcome.UPDATED)
        text = "The team's description was sent, and the team could not be read."
        return Unknown(text=text, exchange=answer.exchange)


def _offered(entity: str) -> None:
    if entity != _ROOM:
        raise CallFailed(not_offered(_TITLE, entity))


def _team(ref: str) -> str:
    return f"{ROOT}/teams/{quote(ref, safe='')}"


def _operation_of(answer: Answer) -> str | None:
    """Where an order is watched, at our own host."""
    path = urlsplit(answer.headers.get("Location", "")).path
    if not path.startswith("/"):
        return None
    return path if path.startswith(f"{ROOT}/") else f"{ROOT}{path}"


def _failure(answer: Answer) -> str:
    error = content_of(answer).get("error")
    said = error.get("message") or error.get("code") if isinstance(error, Mapping) else None
    return str(said or "no reason is given")
