"""Reading over the API: transactions by any key, one journey, exceptions by cause."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router

from controltower.firm.models import Person
from controltower.measures import causes, exposure
from controltower.transactions.models import Step, Transaction, TransactionState
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.web import privacy, received
from controltower.web.api_access import caller, require_entity
from controltower.web.api_promises import held, promise_of
from controltower.web.api_words import (
    Amount,
    AttemptOut,
    CauseOut,
    EntryOut,
    Journey,
    KeyOut,
    ReceivedOut,
    Refusal,
    StepOut,
    Text,
    TransactionDetail,
    TransactionOut,
    TransactionPage,
)

router = Router()


@router.get("/transactions", response=TransactionPage, summary="Transactions, newest first")
def transactions(
    request: HttpRequest,
    key: Annotated[Text | None, Query(description="Any business key: its whole chain.")] = None,
    state: TransactionState | None = None,
    process: Text | None = None,
    entity: Text | None = None,
    after: Annotated[Text | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> TransactionPage:
    """Filter by key, state, process and entity; page by `after`."""
    rows = _seen(caller(request), entity)
    if key:
        rows = rows.filter(correlation_id__in=_chains(rows, key))
    if state:
        rows = rows.filter(state=state)
    if process:
        rows = rows.filter(process=process)
    if after:
        at, pk = _position(after)
        rows = rows.filter(started_at__lte=at).exclude(started_at=at, pk__gte=pk)
    ordered = (
        rows.order_by("-started_at", "-pk")
        .select_related("entity")
        .prefetch_related("keys", held())
    )
    found = list(ordered[: limit + 1])
    more, masks = len(found) > limit, privacy.of_each(found[:limit])
    return TransactionPage(
        items=[TransactionOut(**_line(one, masks[one.pk])) for one in found[:limit]],
        next=_place(found[limit - 1]) if more else None,
    )


@router.get("/transactions/{name}", response=Journey, summary="One transaction or its chain")
def transaction(request: HttpRequest, name: Annotated[Text, Path()]) -> Journey:
    """By reference (that one) or correlation id (all of the chain that you may see)."""
    steps = Step.objects.order_by("position").select_related("system")
    attempts = "attempts__mapping_version__mapping"
    rows = (
        _seen(caller(request))
        .filter(Q(reference=name) | Q(correlation_id=name))
        .select_related("entity")
        .prefetch_related(
            "keys",
            "timeline",
            held(),
            received.EVENTS,
            Prefetch("steps", steps.prefetch_related(attempts)),
        )
        .order_by("started_at", "pk")
    )
    found = list(rows)
    if not found:
        raise Http404
    masks = privacy.of_each(found)
    return Journey(
        correlation_id=found[0].correlation_id,
        transactions=[_detail(one, masks[one.pk]) for one in found],
    )


@router.get("/exceptions", response=list[CauseOut], summary="What is stuck, by cause")
def exceptions(request: HttpRequest, entity: Text | None = None) -> list[CauseOut]:
    """Open causes, most money first; the same figures as on the page."""
    person = caller(request)
    require_entity(person, entity)
    currency = exposure.reporting_currency()
    return [
        CauseOut(
            id=line.cause.pk,
            title=privacy.masked_text(line.cause.title),
            kind=line.cause.kind,
            system=line.cause.system.slug if line.cause.system else None,
            step=line.cause.step_name,
            owner=line.cause.owner.username if line.cause.owner else None,
            owner_role=line.cause.owner_role,
            count=line.stake.count,
            at_stake=Amount.of(line.stake.amount, currency),
            by_currency=[Amount.of(v, k) for k, v in sorted(line.stake.by_currency.items())],
            oldest=line.oldest,
            due=line.due,
            late=line.late,
        )
        for line in causes.by_cause(exposure.Scope(person, entity or ""), timezone.now())
    ]


def _seen(person: Person, code: str | None = None) -> TransactionQuerySet:
    """What the person may see, in one entity if asked. Raises Http404 for one they do not see."""
    require_entity(person, code)
    rows = Transaction.objects.visible_to(person)
    return rows if code is None else rows.of_entity(code)


def _chains(rows: TransactionQuerySet, key: str) -> Iterable[str]:
    named = Q(keys__value=key) | Q(reference=key) | Q(correlation_id=key)
    return rows.filter(named).order_by().values_list("correlation_id", flat=True)


def _place(row: Transaction) -> str:
    text = f"{row.started_at.isoformat()}|{row.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(after: str) -> tuple[datetime, UUID]:
    try:
        text = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode()
        at, _, pk = text.partition("|")
        return datetime.fromisoformat(at).astimezone(), UUID(pk)
    except (binascii.Error, ValueError, OverflowError):
        raise Refusal(
            400, "unknown-place", "There is no such page", "Take `after` from a page's `next`."
        ) from None


def _line(one: Transaction, mask: privacy.Mask) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "correlation_id": one.correlation_id,
        "process": one.process,
        "entity": one.entity.code if one.entity else None,
        "title": one.title,
        "counterparty": one.counterparty,
        "amount": Amount.of(one.amount, one.currency),
        "state": one.state,
        "wait": one.wait,
        "wait_text": mask.text(one.wait_text),
        "due_at": one.due_at,
        "promise": promise_of(one),
        "started_at": one.started_at,
        "changed_at": one.changed_at,
        "ended_at": one.ended_at,
        "keys": [KeyOut(kind=key.kind, value=key.value) for key in one.keys.all()],
    }


def _detail(one: Transaction, mask: privacy.Mask) -> TransactionDetail:
    timeline = [
        EntryOut(
            at=entry.at,
            kind=entry.kind,
            step=entry.step,
            actor=entry.actor,
            text=mask.text(entry.text),
        )
        for entry in one.timeline.all()
    ]
    steps = [_step(step, mask) for step in one.steps.all()]
    events = [_received(event) for event in received.events_of(one.items.all(), mask)]
    return TransactionDetail(**_line(one, mask), steps=steps, timeline=timeline, received=events)


def _received(event: received.Received) -> ReceivedOut:
    gone = event.removal
    return ReceivedOut(
        record=event.record,
        source=event.source,
        event_id=event.event,
        received_at=event.at,
        sha256=event.digest,
        body_removed_at=gone.at if gone else None,
        body_kept_days=gone.kept_days if gone else None,
    )


def _step(step: Step, mask: privacy.Mask) -> StepOut:
    attempts = [
        AttemptOut(
            number=one.number,
            purpose=one.purpose,
            state=one.state,
            started_at=one.started_at,
            ended_at=one.ended_at,
            milliseconds=one.milliseconds,
            status=one.status,
            kind=one.kind,
            text=mask.text(one.text),
            idempotency_key=one.idempotency_key,
            generation=one.generation,
            mapping_version=str(one.mapping_version) if one.mapping_version else None,
        )
        for one in step.attempts.all()
    ]
    return StepOut(
        id=step.pk,
        name=step.name,
        title=step.title,
        system=step.system.slug if step.system else None,
        state=step.state,
        effect=step.effect,
        tries=step.tries,
        due_at=step.due_at,
        ref=step.ref,
        kind=step.kind,
        text=mask.text(step.text),
        fence=step.fence,
        attempts=attempts,
    )
