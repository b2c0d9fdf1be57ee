"""What answers announce of an interface: that it is deprecated (RFC 9745), that it ends (RFC 8594).

Heard where calls are made, where no database is written; kept when a worker's job ends. What is
forgotten in between is announced again with the next answer.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.db.models import Q

from controltower.systems.models import Direction, Interface, System

_SECONDS = re.compile(r"@(-?\d{1,11})")
_MORE = re.compile(r'<([^<>\s]{1,300})>[^,]*;\s*rel="?(?:deprecation|sunset)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Announcement:
    """UTC; None where nothing readable is said. `more` is where people can read about it."""

    deprecated_at: datetime | None = None
    sunset_at: datetime | None = None
    more: str = ""


_heard: dict[tuple[int, str], Announcement] = {}
_lock = threading.Lock()


def read(headers: Mapping[str, str]) -> Announcement:
    """What the headers (by lower-case name) say; what cannot be read counts as not said."""
    more = _MORE.search(headers.get("link", ""))
    return Announcement(
        _moment(headers.get("deprecation", "")),
        _day(headers.get("sunset", "")),
        more[1] if more else "",
    )


def _moment(written: str) -> datetime | None:
    """A structured date, "@1688169599"; drafts of the RFC had an HTTP date."""
    seconds = _SECONDS.fullmatch(written.strip())
    if seconds is None:
        return _day(written)
    try:
        return datetime.fromtimestamp(int(seconds[1]), UTC)
    except (OverflowError, ValueError):
        return None


def _day(written: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(written)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def hear(system: System, entity: str, headers: Mapping[str, str]) -> None:
    """Remember what an answer about an entity announced, until it is kept."""
    if headers and system.pk and (said := read(headers)) != Announcement():
        with _lock:
            _heard[system.pk, entity] = said


def keep(*, now: datetime) -> int:
    """Write down what was heard; returns how many interfaces it changed."""
    with _lock:
        heard = dict(_heard)
        _heard.clear()
    changed = 0
    for (system, entity), said in heard.items():
        Interface.objects.get_or_create(
            system_id=system, entity=entity, direction=Direction.INBOUND,
            defaults={"first_seen_at": now},
        )  # fmt: skip
        same = Q(deprecated_at=said.deprecated_at, sunset_at=said.sunset_at, more=said.more)
        changed += (
            Interface.objects.filter(system_id=system, entity=entity)
            .exclude(same)
            .update(
                deprecated_at=said.deprecated_at,
                sunset_at=said.sunset_at,
                more=said.more,
                announced_at=now,
            )
        )
    return changed
