"""Incidents and runs of runbooks over the API: what a person may see, in the pages' figures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Schema

from controltower.incidents.models import Incident, IncidentState, Run, RunState, Severity
from controltower.measures import at_stake
from controltower.measures.exposure import Scope
from controltower.web.api_access import caller
from controltower.web.api_words import Amount, EntryOut
from controltower.web.incident_list import Line, gravest, lines_of
from controltower.web.privacy import masked_text

router = Router()
Number = Annotated[int, Path(ge=1, le=2**31)]


class IncidentLine(Schema):
    """Something that must not be, and what hangs on it: each transaction once."""

    id: int
    name: str
    title: str
    severity: Severity
    state: IncidentState
    opened_at: datetime
    times: int
    owner: str | None
    deputy: str | None
    owner_role: str
    acknowledge_by: datetime | None
    update_by: datetime | None
    quiet_since: datetime | None
    resolved_at: datetime | None
    reviewed_at: datetime | None
    count: int
    at_stake: Amount
    exceptions: list[int]
    systems: list[str]


class MomentOut(EntryOut):
    """A line of the timeline; its figures are those of that moment."""

    count: int
    at_stake: Amount


class IncidentDetail(IncidentLine):
    """An incident with its timeline, oldest first."""

    note: str
    review: str
    timeline: list[MomentOut]
    runs: list[int]


class RunStepOut(Schema):
    """One step of a run."""

    position: int
    kind: str
    title: str
    state: str
    by: str
    at: datetime | None
    outcome: str
    reason: str
    replay: str | None


class FollowedOut(Schema):
    """One time that a runbook is followed."""

    id: int
    runbook: str
    version: int
    state: RunState
    incident: int | None
    exception: int | None
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    steps: list[RunStepOut]


@router.get("/incidents", response=list[IncidentLine], summary="Incidents, the gravest first")
def incidents(
    request: HttpRequest,
    state: IncidentState | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> list[IncidentLine]:
    """Open ones, or those in one state."""
    person = caller(request)
    rows = gravest(person)
    if state is not None:
        rows = Incident.objects.visible_to(person).filter(state=state)
    known = rows.select_related("owner", "deputy").prefetch_related("causes", "systems")
    return _incidents(known[:limit], Scope(person))


@router.get("/incidents/{number}", response=IncidentDetail, summary="One incident")
def incident(request: HttpRequest, number: Number) -> IncidentDetail:
    """With its timeline and the runbooks that were followed."""
    seen = Scope(caller(request))
    one = Incident.objects.visible_to(seen.person).filter(pk=number).first()
    if one is None:
        raise Http404
    timeline = []
    for entry in one.entries.all():
        kept = at_stake.kept(entry.figures, seen)
        timeline.append(
            MomentOut(
                at=entry.at, kind=entry.kind, step="", actor=entry.actor,
                text=masked_text(entry.text), count=kept.count,
                at_stake=Amount.of(kept.amount, kept.currency),
            )
        )  # fmt: skip
    (line,) = _incidents([one], seen)
    return IncidentDetail(
        **line.dict(),
        note=one.note,
        review=one.review,
        timeline=timeline,
        runs=list(one.runs.values_list("pk", flat=True)),
    )


@router.get("/runs", response=list[FollowedOut], summary="Runs of runbooks, newest first")
def runs(
    request: HttpRequest, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> list[FollowedOut]:
    """Those about something that you may see."""
    rows = Run.objects.visible_to(caller(request)).select_related("version__runbook", "started_by")
    return [_run(one) for one in rows.prefetch_related("steps")[:limit]]


@router.get("/runs/{number}", response=FollowedOut, summary="One run of a runbook")
def run(request: HttpRequest, number: Number) -> FollowedOut:
    """With its steps: who, when, and what came of it."""
    one = Run.objects.visible_to(caller(request)).filter(pk=number).first()
    if one is None:
        raise Http404
    return _run(one)


def _incidents(found: Iterable[Incident], seen: Scope) -> list[IncidentLine]:
    return [_incident(line) for line in lines_of(list(found), seen, timezone.now())]


def _incident(line: Line) -> IncidentLine:
    one = line.row
    return IncidentLine(
        id=one.pk,
        name=one.name,
        title=line.title,
        severity=Severity(one.severity),
        state=IncidentState(one.state),
        opened_at=one.opened_at,
        times=one.times,
        owner=one.owner.username if one.owner else None,
        deputy=one.deputy.username if one.deputy else None,
        owner_role=one.owner_role,
        acknowledge_by=one.acknowledge_by,
        update_by=one.update_by,
        quiet_since=one.quiet_since,
        resolved_at=one.resolved_at,
        reviewed_at=one.reviewed_at,
        count=line.stake.count,
        at_stake=Amount.of(line.value.amount, line.value.currency),
        exceptions=[cause.pk for cause in one.causes.all()],
        systems=[system.slug for system in one.systems.all()],
    )


def _run(one: Run) -> FollowedOut:
    return FollowedOut(
        id=one.pk,
        runbook=one.version.runbook.slug,
        version=one.version.number,
        state=RunState(one.state),
        incident=one.incident_id,
        exception=one.cause_id,
        started_by=one.started_by.username,
        started_at=one.started_at,
        ended_at=one.ended_at,
        steps=[
            RunStepOut(
                position=step.position,
                kind=step.rule["kind"],
                title=step.rule["title"],
                state=step.state,
                by=step.by,
                at=step.at,
                outcome=masked_text(step.outcome),
                reason=masked_text(step.reason),
                replay=str(step.plan_id) if step.plan_id else None,
            )
            for step in one.steps.all()
        ],
    )
