"""What is said of a system comes to be: its row, its feeds, and what it takes of its part.

The one place in which systems and feeds come about, whoever says so: people on the page, an agreed
route, or the demo firm.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.db.models import QuerySet

from controltower.firm.models import LegalEntity
from controltower.systems.described import SAID
from controltower.systems.models import Feed, Route, System
from controltower.systems.said import NOW, START, Listed, Said

ALWAYS = date(2020, 1, 1)
"""Since when whoever plays a part alone has played it."""
SIGNS_IN = {"base_url", "secrets"}


def establish(said: Said, now: datetime) -> System:
    """Create the system, or make it what is said. Its pauses, its circuit and where its feeds have
    come to stay; a sign-in that was refused is tried again when it is another one."""
    wanted = said.system
    _keep_who_was_alone(wanted)
    values = {name: getattr(wanted, name) for name in SAID} | {"active": not said.is_retired}
    known = System.objects.filter(slug=wanted.slug).first()
    if known and any(getattr(known, name) != values[name] for name in SIGNS_IN):
        values |= {"refused_at": None, "refusal": ""}
    system, _new = System.objects.update_or_create(slug=wanted.slug, defaults=values)
    _feeds(system, () if said.is_retired else said.feeds, now)
    for one in said.takes:
        company = LegalEntity.objects.get(code=one.company) if one.company else None
        Route.objects.update_or_create(
            role=system.role, company=company, record=one.record, starts_on=one.starts_on,
            defaults={"system": system, "ends_on": None},
        )  # fmt: skip
    return system


def _keep_who_was_alone(wanted: System) -> None:
    """Whoever played its part alone until now goes on doing so, for facts of others."""
    others: QuerySet[System] = System.objects.playing(wanted.role).exclude(slug=wanted.slug)
    if others.count() == 1 and not Route.objects.filter(role=wanted.role).exists():
        Route.objects.create(role=wanted.role, system=others.get(), starts_on=ALWAYS)


def _feeds(system: System, listed: tuple[Listed, ...], now: datetime) -> None:
    """Since when a feed is read is said once, when it begins."""
    system.feeds.exclude(entity__in=[one.entity for one in listed]).delete()
    for one in listed:
        going_on = {"every_seconds": one.every_seconds, "due_at": now}
        Feed.objects.update_or_create(
            system=system, entity=one.entity, defaults=going_on,
            create_defaults=going_on | {"since": _moment(one.since, now)},
        )  # fmt: skip


def listen(system: System, one: Listed, now: datetime) -> None:
    """Read one more feed of a system; one that is read already goes on as it does."""
    Feed.objects.get_or_create(
        system=system, entity=one.entity,
        defaults={
            "every_seconds": one.every_seconds, "due_at": now, "since": _moment(one.since, now),
        },
    )  # fmt: skip


def _moment(since: str, now: datetime) -> datetime | None:
    if since == START:
        return None
    return now if since == NOW else datetime.combine(date.fromisoformat(since), time.min, UTC)
