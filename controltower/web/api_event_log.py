"""The event log over the API: OCEL 2.0 in its JSON form, streamed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema

from controltower.measures import event_log as log
from controltower.measures.exposure import Scope, transactions
from controltower.web.api_access import caller, require_entity
from controltower.web.api_words import Text
from controltower.web.exports import streamed

router = Router()
USUAL = timedelta(days=30)
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class AttributeType(Schema):
    """An attribute that objects or events of a type may have."""

    name: str
    type: str


class LogType(Schema):
    """A type of objects or events."""

    name: str
    attributes: list[AttributeType]


class Relationship(Schema):
    """What an object or an event is about, and as what."""

    objectId: str  # noqa: N815 - the standard's word
    qualifier: str


class LogObject(Schema):
    """A transaction, a chain or a thing; a transaction's attributes say since when they hold."""

    id: str
    type: str
    attributes: list[dict[str, Any]]
    relationships: list[Relationship]


class LogEvent(Schema):
    """Something that happened."""

    id: str
    type: str
    time: datetime
    attributes: list[dict[str, Any]]
    relationships: list[Relationship]


class EventLog(Schema):
    """An object-centric event log (ocel-standard.org, version 2.0)."""

    objects: list[LogObject]
    events: list[LogEvent]
    objectTypes: list[LogType]  # noqa: N815 - the standard's word
    eventTypes: list[LogType]  # noqa: N815 - the standard's word


@router.get("/event-log", response=EventLog, summary="What happened, for process mining")
def event_log(
    request: HttpRequest,
    since: Annotated[datetime | None, Query(description="From when on; else 30 days.")] = None,
    until: Annotated[datetime | None, Query(description="The moment it ends before.")] = None,
    process: Text | None = None,
    entity: Text | None = None,
) -> Any:
    """Journeys that began in the time, each with all that happened to it since. No people are in
    it, neither by name nor by number."""
    person = caller(request)
    require_entity(person, entity)
    seen = transactions(Scope(person, entity or ""))
    end = _moment(until or timezone.now())
    rows = log.begun(seen, _moment(since) if since else end - USUAL, end)
    if process:
        rows = rows.filter(process=process)
    return StreamingHttpResponse(streamed(log.pieces(rows)), content_type="application/json")


def _moment(said: datetime) -> datetime:
    """A time without a zone is UTC's; nothing lies before the first or behind the last one."""
    zoned = said if said.tzinfo else said.replace(tzinfo=UTC)
    return min(max(zoned, FIRST), LAST)
