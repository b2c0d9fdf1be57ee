"""What stands around the transactions of one set: read once, at its beginning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from time import monotonic

from controltower.canonical.calendar import Calendar
from controltower.canonical.promise import Promise
from controltower.firm import calendars, promised
from controltower.firm.models import LegalEntity, Period, Surge
from controltower.mappings import versions
from controltower.mappings.models import MappingVersion
from controltower.processes.definition import Entity, Milestone
from controltower.systems.models import Feed, Recovery, Route, System
from controltower.systems.routing import Part, chosen

LASTS = 0.5
"""Seconds for which what stands around is taken as read."""


@dataclass
class World:
    """The firm's entities, for rules and for rows, and its systems; mapping versions as they are
    asked for. `outdated` once something of it is known to have changed."""

    entities: Mapping[str, Entity]
    legal: Mapping[str, LegalEntity]
    systems: Mapping[int, System]
    outdated: bool = False
    _active: dict[tuple[str, str], MappingVersion] = field(default_factory=dict)
    _versions: dict[int, MappingVersion] = field(default_factory=dict)

    @cached_property
    def recovery(self) -> Recovery | None:
        """The latest time in recovery mode, if there ever was one."""
        return Recovery.objects.first()

    def entity(self, pk: int | None) -> LegalEntity | None:
        """The row of a legal entity, None for what belongs to none."""
        return next((row for row in self.legal.values() if row.pk == pk), None)

    @cached_property
    def promises(self) -> Mapping[str, Promise]:
        """The promises that are agreed upon."""
        return promised.agreed()

    def promise_of(self, milestone: Milestone) -> Promise:
        """By when a milestone is expected: as agreed upon, or else as it was defined."""
        agreed = self.promises.get(f"{promised.MILESTONE}{milestone.name}")
        return agreed or milestone.within.promise

    def calendar_of(self, code: str) -> Calendar:
        """The calendar of a legal entity; UTC's for what belongs to none."""
        return self.entities[code].calendar if code in self.entities else Calendar()

    @cached_property
    def routes(self) -> Sequence[Route]:
        """Which systems play the parts that several could."""
        return list(Route.objects.all())

    @cached_property
    def feeds(self) -> Collection[tuple[int, str]]:
        """Which records of which systems are read for changes."""
        return set(Feed.objects.values_list("system_id", "entity"))

    @cached_property
    def surges(self) -> Sequence[Surge]:
        """Those that nobody has ended."""
        return list(Surge.objects.filter(ended_at__isnull=True))

    def is_surging(self, now: datetime) -> bool:
        """Whether a surge is under way anywhere in the firm."""
        return any(surge.began_at <= now < surge.ends_at for surge in self.surges)

    def able(self, role: str) -> list[System]:
        """The active systems that could take this part in a process, which may be one's name."""
        return [s for s in self.systems.values() if s.active and role in (s.role, s.slug)]

    def playing(self, part: Part, sources: Collection[str]) -> System | None:
        """The system that takes a part; `sources` are the systems that the facts come from."""
        able = self.able(part.role)
        if len(able) < 2:
            return next(iter(able), None)
        return chosen(part, able, self.routes, self._tellers(sources))

    def _tellers(self, sources: Collection[str]) -> set[str]:
        """The systems whose feeds told the facts: a connection may be shared, as CRM and PSA share
        an org. Where no feed of it is known, the connection itself."""
        found: set[str] = set()
        for source in sources:
            connection, _, entity = source.partition("/")
            here = [s for s in self.systems.values() if s.connection == connection]
            found |= {s.slug for s in here if (s.pk, entity) in self.feeds} or {connection}
        return found

    def stands_by(self, system: System) -> bool:
        """Whether it takes no part yet, such as an ERP before its cut-over: others of its role do,
        no route leads to it, and no facts come from it."""
        taking = {route.system_id for route in self.routes} | {pk for pk, _entity in self.feeds}
        return len(self.able(system.role)) > 1 and system.pk not in taking

    def active_version(self, mapping: str, system: System) -> MappingVersion:
        """The mapping's version in force for a system. Raises MappingVersion.DoesNotExist."""
        key = mapping, system.slug
        if key not in self._active:
            self._active[key] = version = versions.active(*key)
            self._versions[version.pk] = version
        return self._active[key]

    def version(self, pk: int) -> MappingVersion:
        """A version that a step has pinned; its rules never change."""
        if pk not in self._versions:
            pinned = MappingVersion.objects.select_related("mapping")
            self._versions[pk] = pinned.get(pk=pk)
        return self._versions[pk]


class Outlook:
    """The world as a worker sees it who looks anew every half second, or when something is known to
    have changed: reading it costs as much as a step that comes alone."""

    def __init__(self) -> None:
        self._seen: World | None = None
        self._until = 0.0

    def now(self) -> World:
        """The world as it was a moment ago at most."""
        if self._seen is None or self._seen.outdated or monotonic() > self._until:
            self._seen, self._until = world(), monotonic() + LASTS
        return self._seen

    def forget(self) -> None:
        """Look anew the next time."""
        self._seen = None


def world() -> World:
    """The world as it is now."""
    legal = {row.code: row for row in LegalEntity.objects.all()}
    systems = {system.pk: system for system in System.objects.all()}
    return World(_entities(legal.values()), legal, systems)


def entities() -> dict[str, Entity]:
    """The firm's legal entities with their closed months."""
    return _entities(LegalEntity.objects.all())


def _entities(rows: Iterable[LegalEntity]) -> dict[str, Entity]:
    rows = list(rows)
    days = calendars.of_entities({row.code: row for row in rows})
    closed: dict[int, set[str]] = {}
    for entity_id, month in Period.objects.filter(closed=True).values_list("entity_id", "month"):
        closed.setdefault(entity_id, set()).add(month)
    return {
        row.code: Entity(
            code=row.code,
            name=row.name,
            country=row.country,
            currency=row.currency,
            zone=row.zone,
            gather_for=row.gather_for,
            closed_periods=frozenset(closed.get(row.pk, ())),
            revenue_tolerance=row.revenue_tolerance,
            staffing_tolerance=row.staffing_tolerance,
            calendar=days[row.code],
        )
        for row in rows
    }
