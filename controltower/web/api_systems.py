"""Systems over the API: how each is, what waits for it, and its planned downtimes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Path, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict, StringConstraints

from controltower.measures import health
from controltower.measures.exposure import Scope
from controltower.measures.health import NOTHING_WAITS, Condition, Pulse, Waiting
from controltower.systems import downtimes
from controltower.systems.models import Downtime, System
from controltower.web.api_access import caller
from controltower.web.api_processes import StakeOut
from controltower.web.api_words import Refusal, Text
from controltower.web.privacy import masked_text

router = Router()
Number = Annotated[int, Path(ge=1, le=2**31)]


class DowntimeIn(Schema):
    """From when until when a system will not answer, at most seven days, and why."""

    model_config = ConfigDict(extra="forbid")

    begins_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300)]


class DowntimeOut(Schema):
    """A downtime. `begun_at` is when the tower took it up, `ended_at` when it was over or called
    off."""

    id: int
    system: str
    begins_at: datetime
    ends_at: datetime
    reason: str
    announced_by: str
    begun_at: datetime | None
    ended_at: datetime | None


class SystemOut(Schema):
    """A system around the tower. Calls are those of the last two hours, times in milliseconds;
    what waits for it is the caller's share."""

    name: str
    title: str
    connector: str
    condition: Condition = Field(
        description="closed: healthy; held: told us to come later; testing: one call at a time is "
        "let through; open: not called until `next_call_at`; refused: it refuses our credentials."
    )
    calls: int
    failed: int
    median: float | None
    slowest_twentieth: float | None
    last_answered_at: datetime | None
    next_call_at: datetime | None
    quota_used: int | None
    quota_limit: int | None
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str
    waiting: StakeOut
    waiting_since: datetime | None
    downtimes: list[DowntimeOut] = Field(description="Under way or to come, the nearest first.")


@router.get("/systems", response=list[SystemOut], summary="Systems and how they are")
def systems(request: HttpRequest) -> list[SystemOut]:
    """Those that are in use, by name."""
    return _seen(request, System.objects.filter(active=True).order_by("slug"))


@router.get("/systems/{name}", response=SystemOut, summary="One system")
def system(request: HttpRequest, name: Annotated[Text, Path()]) -> SystemOut:
    """Also one that is retired."""
    for one in _seen(request, System.objects.filter(slug=name)):
        return one
    raise Http404


@router.post("/systems/{name}/downtimes", response={201: DowntimeOut}, summary="Plan a downtime")
def plan_downtime(
    request: HttpRequest, name: Annotated[Text, Path()], said: DowntimeIn
) -> Status[DowntimeOut]:
    """Announce that a system will not answer: its work waits meanwhile and goes out after, and
    nobody is called because of it. One beside another of the same system is refused, hence a
    repeated request as well."""
    person, one = caller(request), get_object_or_404(System, slug=name)
    with _or_why_not():
        made = downtimes.plan(
            system=one, begins=said.begins_at, ends=said.ends_at, reason=said.reason,
            by=person, now=timezone.now(),
        )  # fmt: skip
    return Status(201, _downtime(made))


@router.post("/downtimes/{number}/ends", response={201: DowntimeOut}, summary="End a downtime")
def end_downtime(request: HttpRequest, number: Number) -> Status[DowntimeOut]:
    """Call one off, or end it before its time."""
    person = caller(request)
    one = get_object_or_404(Downtime.objects.select_related("system", "by"), pk=number)
    with _or_why_not():
        downtimes.end(downtime=one, by=person, now=timezone.now())
    one.refresh_from_db(fields=["begun_at", "ended_at"])
    return Status(201, _downtime(one))


@contextmanager
def _or_why_not() -> Iterator[None]:
    """What cannot be done is said in a problem document."""
    try:
        yield
    except downtimes.NotAllowed as refusal:
        text = f"{refusal} Nothing was changed."
        raise Refusal(403, "not-allowed", "You may not decide this", text) from None
    except downtimes.Impossible as refusal:
        raise Refusal(409, "impossible", "It cannot be done so", str(refusal)) from None


def _seen(request: HttpRequest, of: QuerySet[System]) -> list[SystemOut]:
    now, scope = timezone.now(), Scope(caller(request))
    coming = Downtime.objects.open().filter(ends_at__gt=now).select_related("system", "by")
    found = list(of.select_related("paused_by").prefetch_related(Prefetch("downtimes", coming)))
    pulses, waiting = health.pulses(now, found), health.waiting(scope)
    return [
        _line(one, pulses.get(one.pk, Pulse()), waiting.get(one.pk, NOTHING_WAITS), now)
        for one in found
    ]


def _line(one: System, pulse: Pulse, waiting: Waiting, now: datetime) -> SystemOut:
    condition = health.condition(one, pulse, now)
    return SystemOut(
        name=one.slug,
        title=one.title,
        connector=one.connector,
        condition=condition,
        calls=pulse.calls,
        failed=pulse.failed,
        median=pulse.median,
        slowest_twentieth=pulse.slowest,
        last_answered_at=one.last_ok_at,
        next_call_at=health.next_call_at(one, condition),
        quota_used=one.quota_used,
        quota_limit=one.quota_limit,
        paused_at=one.paused_at,
        paused_by=one.paused_by.username if one.paused_by else None,
        pause_reason=masked_text(one.pause_reason),
        waiting=StakeOut.of(waiting.stake),
        waiting_since=waiting.oldest,
        downtimes=[_downtime(each) for each in one.downtimes.all()],
    )


def _downtime(one: Downtime) -> DowntimeOut:
    return DowntimeOut(
        id=one.pk,
        system=one.system.slug,
        begins_at=one.begins_at,
        ends_at=one.ends_at,
        reason=masked_text(one.reason),
        announced_by=one.by.username,
        begun_at=one.begun_at,
        ended_at=one.ended_at,
    )
