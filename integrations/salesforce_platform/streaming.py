"""Reading what changed by the stream, and by SOQL where the stream cannot say it.

An event is a hint: the record that it names is read by SOQL, so that a fact is the same fact, with
the same event id and bytes, whichever way it came. While the stream is behind (it has not begun,
its place is lost, an event could not be read, it is not there) the feed is read by SOQL from the
last moment up to which all is known to have been read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from integrations import exact_json
from integrations.connector import CallFailed, Change, ChangePage, Unread
from integrations.salesforce_platform.change_events import Told, told
from integrations.salesforce_platform.changes import Cursor, literal, moment
from integrations.salesforce_platform.entity import Entity
from integrations.salesforce_platform.pubsub import Lost, PubSub
from integrations.salesforce_platform.way import RETENTION
from integrations.shape import Drift

_DOUBT = timedelta(minutes=5)
"""By how much events may come out of the order of their commits, which nobody has promised."""
_QUOTED = re.compile(r"'[^']*'")
_NAME = re.compile(r"[A-Za-z]\w*")
_DOWN = "Read by polling, for the stream does not serve."
_SCHEMAS: dict[str, str] = {}
"""By fingerprint, so that they never change; known to all connections of this process."""

Poll = Callable[[str, int], Awaitable[ChangePage]]
LookUp = Callable[[Sequence[str]], Awaitable[tuple[list[Change], list[Unread]]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a streamed feed stands: `proven` is where SOQL would go on, `replay_id` where the
    stream does (b"" = from the earliest event that is kept). `behind`: by SOQL first; `down`: for
    the stream is not there."""

    proven: Cursor
    replay_id: bytes = b""
    behind: bool = True
    down: bool = False

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From its stored form or from a poll's cursor; None when that cannot be read."""
        proven = Cursor.read(text)
        if proven is None:
            return None
        stored = exact_json.decode(text)
        try:
            replay_id = base64.b64decode(str(stored.get("replay_id") or ""), validate=True)
        except binascii.Error:
            return None
        behind, down = stored.get("behind") is not False, stored.get("down") is True
        return cls(proven, replay_id, behind, down)

    def text(self) -> str:
        """The stored form, which a poll can read as well."""
        return exact_json.encode(
            {
                **exact_json.decode(self.proven.text()),
                "replay_id": base64.b64encode(self.replay_id).decode(),
                "behind": self.behind,
                "down": self.down,
            }
        )

    def after(self, replay_id: bytes, committed_at: datetime | None) -> Place:
        """When everything up to an event has been read."""
        proven = self.proven
        if committed_at and moment(proven.stamp) < committed_at - _DOUBT:
            proven = Cursor(literal(committed_at - _DOUBT))
        return Place(proven, replay_id, behind=False)


class _Unclear(Exception):
    """Some record has changed, and the event does not say which."""

    def __init__(self, replay_id: bytes) -> None:
        super().__init__()
        self.replay_id = replay_id


class Stream:
    """One entity's changes. Reads raise CallFailed."""

    def __init__(self, bus: PubSub, kind: Entity, poll: Poll, look_up: LookUp) -> None:
        self._bus = bus
        self._kind = kind
        self._poll = poll
        self._look_up = look_up

    async def read(self, cursor: str, limit: int) -> ChangePage:
        """What the stream holds after the cursor, or what SOQL does while the stream is behind."""
        place, gap = Place.read(cursor), False
        trouble = _DOWN if place and place.down else ""
        if place and not place.behind:
            try:
                return await self._listen(place, limit)
            except Lost:
                place, gap = Place(place.proven), True
            except _Unclear as unclear:
                place, gap = Place(place.proven, unclear.replay_id), True
            except CallFailed as failure:
                trouble = f"{_DOWN} {getattr(failure.verdict, 'text', '')}"
        page = await self._poll(place.proven.text() if place else cursor, limit)
        proven = Cursor.read(page.next_cursor)
        assert proven is not None
        replay_id, more = place.replay_id if place else b"", page.has_more
        following = Place(proven, replay_id, behind=more, down=more and bool(trouble))
        return replace(
            page,
            next_cursor=following.text(),
            has_more=more or not trouble,
            gap=page.gap or gap,
            trouble=trouble,
            expires_at=datetime.now(UTC) + RETENTION,
        )

    async def _listen(self, place: Place, limit: int) -> ChangePage:
        heard = await self._bus.fetch(topic(self._kind.object), place.replay_id, limit)
        hints = [await self._hint(event.event.schema_id, event.event.payload, heard.latest)
                 for event in heard.events]  # fmt: skip
        watched = watched_by(self._kind)
        refs = dict.fromkeys(ref for hint in hints if hint.concerns(watched) for ref in hint.refs)
        changes, aside = await self._look_up(list(refs)) if refs else ([], [])
        newest = max((hint.committed_at for hint in hints), default=None)
        return ChangePage(
            changes=changes,
            next_cursor=place.after(heard.latest, newest).text(),
            has_more=heard.more,
            listened=heard.listened,
            aside=aside,
            expires_at=datetime.now(UTC) + RETENTION,
        )

    async def _hint(self, schema_id: str, payload: bytes, latest: bytes) -> Told:
        """What an event says. Raises _Unclear."""
        if schema_id not in _SCHEMAS:
            _SCHEMAS[schema_id] = await self._bus.schema(schema_id)
        try:
            hint = told(_SCHEMAS[schema_id], payload)
        except Drift:
            hint = None
        if hint is None:
            raise _Unclear(latest)
        return hint


def topic(name: str) -> str:
    """Where an object's changes are told: ``/data/OpportunityChangeEvent``."""
    stem = name.removesuffix("c") if name.endswith("__c") else name
    return f"/data/{stem}ChangeEvent"


def watched_by(kind: Entity) -> frozenset[str]:
    """The fields of whose change a new fact can come: what makes it a fact, and this very one."""
    condition = _NAME.findall(_QUOTED.sub("", kind.feed))
    return frozenset((*condition, *(path.partition(".")[0] for path in kind.identity)))
