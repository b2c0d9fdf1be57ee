"""Which of several systems takes a company's records, and from which day, as two people agree.

Where nobody has agreed yet, a step that needs to know is parked; agreeing lets it go on.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import date, datetime

from django.utils import timezone

from controltower.canonical.verdicts import Kind
from controltower.firm.models import LegalEntity, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.systems import calls, establishing, registry
from controltower.systems.models import Feed, Route, System
from controltower.systems.said import Listed
from controltower.transactions import cases, engine
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import State

KIND, ALL = "route", "*"
MOST_AT_ONCE = 500
"""What waited for a route and goes on with the decision; the rest is replayed by its cause."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part in the processes ("erp"), for one company or all (""), one kind of record or all."""

    role: str
    company: str = ""
    record: str = ""

    @classmethod
    def read(cls, about: str) -> Place:
        """From what a policy is about. Raises BadPolicy."""
        parts = about.split("/")
        if len(parts) != 3 or not parts[0]:
            raise BadPolicy(f"“{about}” says neither part, company nor record.")
        return cls(*("" if part == ALL else part for part in parts))

    def __str__(self) -> str:
        return "/".join(part or ALL for part in astuple(self))


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless a system that can takes it, from today on or later."""
    place = Place.read(about)
    said = content if isinstance(content, dict) else {}
    if place.company and not LegalEntity.objects.filter(code=place.company).exists():
        raise BadPolicy(f"There is no legal entity “{place.company}”.")
    system = System.objects.filter(slug=said.get("system"), active=True).first()
    if system is None or system.role != place.role:
        raise BadPolicy(f"No active system “{said.get('system')}” plays the part “{place.role}”.")
    if place.record and place.record not in records_of(system):
        raise BadPolicy(f"{system.title} keeps no “{place.record}”.")
    if _day(said.get("from")) < timezone.now().date():
        raise BadPolicy("A route begins today or later: what began before keeps its system.")


def apply(version: PolicyVersion) -> None:
    """The route holds from its day on. The new system is read for all that the others of its part
    are read for, and what waited for a route goes on."""
    place, content = Place.read(version.about), version.content
    system = System.objects.get(slug=content["system"])
    company = LegalEntity.objects.filter(code=place.company).first()
    Route.objects.update_or_create(
        role=place.role, company=company, record=place.record, starts_on=_day(content["from"]),
        defaults={"system": system, "ends_on": None},
    )  # fmt: skip
    now = timezone.now()
    _listen(system, now)
    release(place.role, now)


def records_of(system: System) -> set[str]:
    """The kinds of record that a system tells of or is sent."""
    return {entity for entity, _direction in registry.declared(system)}


def _listen(system: System, now: datetime) -> None:
    feeds = calls.descriptor(system).feeds
    told = [entity for entity, how in feeds.items() if how != registry.NO_FEED]
    others = Feed.objects.filter(system__role=system.role, entity__in=told).exclude(system=system)
    for feed in others:
        establishing.listen(system, Listed(feed.entity, feed.every_seconds), now)


def release(role: str, now: datetime) -> None:
    """Steps that nobody could be found for go on."""
    stranded = Step.objects.filter(
        system=None, state=State.PARKED, kind=Kind.CONTRACT,
        transaction__in=Transaction.objects.live(),
    ).order_by("transaction__started_at")  # fmt: skip
    owners = dict.fromkeys(stranded.values_list("transaction_id", flat=True)[:MOST_AT_ONCE])
    for owner in owners:
        with cases.opened([owner], now=now) as found:
            engine.reconsider(found[owner], why=f"who takes the part “{role}” was decided")


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadPolicy("A route begins on a day.") from None
