"""What stands around every page: the rail, the scope, the trays and the person's wishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from controltower.firm import founding
from controltower.firm.models import Person
from controltower.firm.rights import entity_keys_of
from controltower.incidents import asking
from controltower.incidents.models import Ask, Cause, DeadLetter, Incident
from controltower.measures import causes, exposure
from controltower.transactions.models import ItemState, PlanState, ReplayPlan, Transaction
from controltower.web import rail, scope, undo
from controltower.web.charts.small import Progress
from controltower.web.rail import RailGroup
from controltower.web.sayings import heard
from controltower.web.undo import Undo

MOST_JOBS = 5
IN_THE_TRAY = (
    PlanState.DRAFT,
    PlanState.PLANNED,
    PlanState.APPROVED,
    PlanState.RUNNING,
    PlanState.PAUSED,
)


@dataclass(frozen=True, slots=True)
class Option:
    """An entity to choose; the code "" is all of them."""

    code: str
    name: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """The chosen entity, `short` on a phone, and the currency in which totals are shown."""

    label: str
    short: str
    currency: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the tray."""

    title: str
    url: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Who:
    """The signed-in person."""

    name: str
    initials: str
    role: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that base.html draws around a page."""

    person: Who
    scope: Scope
    rail: tuple[RailGroup, ...]
    jobs: tuple[Job, ...]
    asks: tuple[Ask, ...]
    theme: str
    density: str
    single_keys: bool
    zone: str
    as_of: datetime
    firm: str
    sandbox_url: str
    undo: Undo | None


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor. The frame is only built where a template asks for it."""
    now = timezone.now()
    return {"frame": SimpleLazyObject(lambda: frame_of(request, now)), "now": now}


def frame_of(request: HttpRequest, now: datetime) -> Frame | None:
    """The frame, in six queries and one for each thing that waits for the person, or None when
    nobody is signed in."""
    person = getattr(request, "user", None)
    if not isinstance(person, Person):
        return None
    return Frame(
        person=_who(person),
        scope=_scope(request, person),
        rail=_rail(request, now),
        jobs=tray(person),
        asks=tuple(asking.waiting_for(person, now)),
        theme=person.theme,
        density=person.density,
        single_keys=person.single_keys,
        zone=person.zone,
        as_of=now,
        firm=settings.FIRM or founding.name(),
        sandbox_url=settings.SANDBOX_CONTROL_URL,
        undo=undo.offered(request, now),
    )


def _who(person: Person) -> Who:
    roles = dict.fromkeys(heard(duty.get_role_display()) for duty in person.duties.all())
    return Who(str(person), person.initials, ", ".join(roles))


def _scope(request: HttpRequest, person: Person) -> Scope:
    seen = scope.entities(person)
    code = scope.chosen(request)
    chosen = next((entity for entity in seen if entity.code == code), None)
    options = [Option("", _("All entities"), chosen is None)]
    options += [Option(entity.code, entity.name, entity == chosen) for entity in seen]
    return Scope(
        label=chosen.name if chosen else _("All entities"),
        short=chosen.code if chosen else _("All"),
        currency=chosen.currency if chosen else settings.REPORTING_CURRENCY,
        options=tuple(options),
    )


def _rail(request: HttpRequest, now: datetime) -> tuple[RailGroup, ...]:
    assert isinstance(request.user, Person)
    counts = _counted(
        exceptions=open_causes(request, now),
        incidents=Incident.objects.visible_to(request.user).open(),
    )
    return rail.of(request.user, request.path, counts)


def _counted(**of: QuerySet[Any]) -> dict[str, int]:
    """How many rows each of several queries finds, in one question; none is left out."""
    first, *rest = (
        rows.order_by().annotate(name=Value(name)).values("name").annotate(rows=Count("pk"))
        for name, rows in of.items()
    )
    found = first.union(*rest, all=True).values_list("name", "rows")
    return dict.fromkeys(of, 0) | dict(found)


def open_causes(request: HttpRequest, now: datetime) -> QuerySet[Cause]:
    """The causes that have something stuck that this person may see and that are not snoozed."""
    assert isinstance(request.user, Person)
    seen = exposure.Scope(request.user, scope.chosen(request))
    letters = exposure.within(seen, DeadLetter.objects.open())
    return Cause.objects.awake(now).filter(causes.having(letters))


def tray(person: Person) -> tuple[Job, ...]:
    """The jobs under way of which this person sees something, newest first, as far as they see."""
    mine = ReplayPlan.objects.filter(state__in=IN_THE_TRAY).filter(
        Q(requested_by=person)
        | Q(items__transaction__in=Transaction.objects.visible_to(person).order_by())
    )
    keys = entity_keys_of(person)
    seen = Q() if keys is None else Q(items__transaction__entity__in=keys)
    plans = (
        ReplayPlan.objects.filter(pk__in=mine.order_by().values("pk"))
        .annotate(
            worked=Count("items", filter=seen & Q(items__state=ItemState.VERIFIED)),
            failed=Count("items", filter=seen & Q(items__state=ItemState.FAILED)),
            total=Count("items", filter=seen & ~Q(items__state=ItemState.EXCLUDED)),
        )
        .order_by("-requested_at", "-id")[:MOST_JOBS]
    )
    return tuple(
        Job(
            plan.title,
            reverse("job", args=[plan.pk]),
            Progress(plan.worked, plan.failed, plan.total),
        )
        for plan in plans
    )
