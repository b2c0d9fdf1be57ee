"""Replays over the API: plan, look, release. The rules are those of the pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Router, Status

from controltower.firm.models import Person
from controltower.incidents.models import DeadLetter
from controltower.measures.finishing import Expectation, expectation
from controltower.transactions import replay
from controltower.transactions.models import ReplayItem, ReplayPlan, Step, Transaction
from controltower.transactions.protocol import STUCK
from controltower.web import idempotency
from controltower.web.api_access import caller
from controltower.web.api_words import (
    Amount,
    ExpectedOut,
    Refusal,
    ReleaseIn,
    ReplayIn,
    ReplayItemOut,
    ReplayOut,
)
from controltower.web.job_list import visible
from controltower.web.privacy import masked_text

MOST_ITEMS = 1000
router = Router()


@router.post(
    "",
    response={202: ReplayOut},
    summary="Plan a replay",
    openapi_extra={"parameters": [idempotency.HEADER]},
)
def plan(request: HttpRequest, wanted: ReplayIn, response: HttpResponse) -> Status[Any]:
    """Freeze what is meant and have the targets asked what would happen. Nothing is sent.

    Needs an Idempotency-Key header: the same key and body give the same plan again.
    """
    person = caller(request)
    status, answer = idempotency.once(
        request, person, wanted.model_dump(mode="json"), lambda: (202, _plan(person, wanted))
    )
    response.headers["Location"] = reverse("api:replay", args=[answer["id"]])
    return Status(status, answer)


@router.get("/{uuid:pk}", response=ReplayOut, url_name="replay", summary="A replay plan")
def look(request: HttpRequest, pk: UUID) -> ReplayOut:
    """What would happen, how far it has come, what came of it."""
    person = caller(request)
    return _out(_found(person, pk), person)


@router.post("/{uuid:pk}/releases", response={202: ReplayOut}, summary="Release a plan")
def release(request: HttpRequest, pk: UUID, wanted: ReleaseIn) -> Status[ReplayOut]:
    """Run exactly what the digest seals; a second release is refused, never run twice."""
    person = caller(request)
    row = _found(person, pk)
    try:
        row = replay.release(plan=row, digest=wanted.digest, by=person, now=timezone.now())
    except replay.NotAllowed as refusal:
        raise _not_allowed(refusal) from None
    except replay.NeedsSecondPerson:
        raise Refusal(
            409, "second-person", "A second person must approve it",
            "The money at stake needs another person's approval on the job's page. "
            "Nothing was sent.",
        ) from None  # fmt: skip
    except replay.PlanChanged as refusal:
        raise Refusal(409, "plan-changed", "PLAN_CHANGED", f"{refusal} Nothing was sent.") from None
    return Status(202, _out(row, person))


def _plan(person: Person, wanted: ReplayIn) -> dict[str, Any]:
    steps = _steps(person, wanted)
    try:
        made = replay.plan(
            steps=[step.pk for step in steps],
            title=wanted.title or "Replay by API",
            selection=wanted.model_dump(mode="json"),
            mapping=wanted.mapping,
            by=person,
            now=timezone.now(),
        )
    except replay.NotAllowed as refusal:
        raise _not_allowed(refusal) from None
    except replay.NotReplayable as refusal:
        raise Refusal(409, "not-replayable", "Nothing to replay", str(refusal)) from None
    return _out(made, person).model_dump(mode="json")


def _steps(person: Person, wanted: ReplayIn) -> list[Step]:
    """The steps meant. Raises Http404 when one of them is not there for this person."""
    seen = Transaction.objects.visible_to(person)
    steps = Step.objects.filter(transaction__in=seen.order_by())
    named = [bool(wanted.steps), bool(wanted.transactions), wanted.exception is not None]
    if sum(named) != 1:
        raise Refusal(
            422, "invalid", "The request does not fit",
            "Name either steps, transactions or an exception. Nothing was changed.",
        )  # fmt: skip
    if wanted.steps:
        found = list(steps.filter(pk__in=wanted.steps))
        _require_all(len(found), len(set(wanted.steps)))
        return found
    if wanted.transactions:
        meant = seen.filter(reference__in=wanted.transactions)
        _require_all(meant.count(), len(set(wanted.transactions)))
        return list(steps.filter(transaction__in=meant.order_by(), state__in=STUCK))
    letters = DeadLetter.objects.open().filter(cause=wanted.exception)
    found = list(steps.filter(pk__in=letters.order_by().values("step")))
    _require_all(min(len(found), 1), 1)
    return found


def _require_all(found: int, wanted: int) -> None:
    if found < wanted:
        raise Http404


def _not_allowed(refusal: Exception) -> Refusal:
    return Refusal(403, "not-allowed", "You may not replay this", f"{refusal} Nothing was sent.")


def _found(person: Person, pk: UUID) -> ReplayPlan:
    row = visible(person).select_related("requested_by").filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def _out(row: ReplayPlan, person: Person) -> ReplayOut:
    seen = Transaction.objects.visible_to(person).order_by()
    items = ReplayItem.objects.filter(plan=row, transaction__in=seen)
    counts = items.order_by().values_list("state").annotate(n=Count("pk"))
    return ReplayOut(
        id=row.pk,
        title=row.title,
        state=row.state,
        mapping=row.mapping_choice,
        digest=row.digest,
        expires_at=row.expires_at,
        needs_second_person=row.needs_second_person,
        requested_by=row.requested_by.username,
        requested_at=row.requested_at,
        released_at=row.released_at,
        ended_at=row.ended_at,
        stopped_because=row.stopped_because,
        expected=_expected(expectation(row, seen, timezone.now())),
        counts=dict(counts),
        items=[
            ReplayItemOut(
                transaction=item.transaction.reference,
                step=item.step_id,
                forecast=item.forecast,
                why=masked_text(item.why),
                amount=Amount.of(item.amount, item.currency),
                state=item.state,
                text=masked_text(item.text),
            )
            for item in items.select_related("transaction").order_by("pk")[:MOST_ITEMS]
        ],
    )


def _expected(found: Expectation | None) -> ExpectedOut | None:
    if found is None:
        return None
    promise, margin = found.promise, found.margin
    return ExpectedOut(
        ends_at=found.at,
        measured=found.is_measured,
        promise_at=promise.at if promise else None,
        promise_of=promise.process if promise else None,
        margin_seconds=None if margin is None else int(margin.total_seconds()),
        late=found.broken,
    )
