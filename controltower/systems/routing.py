"""Which of several systems plays a part in a process. Pure: the routes in, one system out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from controltower.systems.models import Route, System


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked for: a role, for a legal entity (None: nobody knows whose it is), a record of
    the connectors, on an accounting day."""

    role: str
    company: int | None
    record: str
    on: date


def chosen(
    part: Part, able: Sequence[System], routes: Iterable[Route], sources: Collection[str]
) -> System | None:
    """The one of several systems that takes the part, None when nothing tells which.

    Where the facts come from one of them, it hears what came of them; else the most particular
    route in force decides. A source is a connection, or a feed on one
    ("kantata/timecard").
    """
    tellers = {source.partition("/")[0] for source in sources}
    origins = [system for system in able if tellers & {system.slug, system.connection}]
    if len(origins) == 1:
        return origins[0]
    by_key = {system.pk: system for system in able}
    fitting = [route for route in routes if route.system_id in by_key and _fits(route, part)]
    best = max(fitting, key=_particular, default=None)
    return by_key[best.system_id] if best else None


def _fits(route: Route, part: Part) -> bool:
    return (
        route.role == part.role
        and route.company_id in {None, part.company}
        and route.record in {"", part.record}
        and route.starts_on <= part.on
        and (route.ends_on is None or part.on < route.ends_on)
    )


def _particular(route: Route) -> tuple[bool, bool, date]:
    return route.company_id is not None, route.record != "", route.starts_on
