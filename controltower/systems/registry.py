"""Which interfaces there are: what the connectors declare, and what is seen to be used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from controltower.canonical.verdicts import Effect
from controltower.systems import calls
from controltower.systems.models import Direction, Interface, System

NO_FEED = "none"


def enter(*, now: datetime) -> list[Interface]:
    """Every interface that the active systems' connectors declare, entered where it is new."""
    systems = {system.pk: system for system in System.objects.filter(active=True)}
    wanted = {(pk, *one) for pk, system in systems.items() for one in declared(system)}
    known = set(Interface.objects.values_list("system_id", "entity", "direction"))
    Interface.objects.bulk_create(
        (
            Interface(system_id=system, entity=entity, direction=direction, first_seen_at=now)
            for system, entity, direction in sorted(wanted - known)
        ),
        ignore_conflicts=True,
    )
    return list(Interface.objects.filter(system__in=systems).select_related("system"))


def declared(system: System) -> Iterable[tuple[str, str]]:
    """Entity and direction of all that a system's connector reads and writes."""
    said = calls.descriptor(system)
    yield from (
        (entity, Direction.INBOUND) for entity, feed in said.feeds.items() if feed != NO_FEED
    )
    for operation in said.operations:
        reads = operation.effect is Effect.READ
        yield operation.entity, Direction.INBOUND if reads else Direction.OUTBOUND


def of(system: System, entity: str, direction: str, now: datetime) -> Interface:
    """One interface, entered when it is new."""
    found, _new = Interface.objects.get_or_create(
        system=system, entity=entity, direction=direction, defaults={"first_seen_at": now}
    )
    return found
