"""Findings over the API: what people saw in a target that nobody else can ask; who confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Router, Status

from controltower.transactions import consent, findings
from controltower.transactions.models import Finding, Step, Transaction
from controltower.web.api_access import caller
from controltower.web.api_words import ConfirmationIn, FindingIn, FindingOut, Refusal, Text
from controltower.web.privacy import masked_text

router = Router()


@router.post(
    "/transactions/{name}/findings", response={201: FindingOut}, summary="Say what was found"
)
def report(
    request: HttpRequest, name: Annotated[Text, Path()], said: FindingIn
) -> Status[FindingOut]:
    """End the doubt of a step whose target can be neither asked nor sent it again. A second report
    of the same fence is refused: it is sent once. Above the limit a second person confirms."""
    person = caller(request)
    steps = Step.objects.select_related("system", "transaction__entity").filter(
        pk=said.step,
        transaction__in=Transaction.objects.visible_to(person).filter(reference=name).order_by(),
    )
    step = steps.first()
    if step is None:
        raise Http404
    found = _done(
        lambda: findings.report(
            step=step, fence=said.fence, ref=said.number or "", evidence=said.evidence,
            reason=said.reason, by=person, now=timezone.now(),
        )
    )  # fmt: skip
    return Status(201, _out(found))


@router.post(
    "/findings/{int:pk}/confirmations", response={201: FindingOut}, summary="Confirm a finding"
)
def confirm(request: HttpRequest, pk: int, word: ConfirmationIn) -> Status[FindingOut]:
    """The second person's word; never that of whoever looked."""
    person = caller(request)
    seen = Transaction.objects.visible_to(person).order_by()
    found = (
        Finding.objects.select_related("step__transaction__entity")
        .filter(pk=pk, step__transaction__in=seen)
        .first()
    )
    if found is None:
        raise Http404
    decided = _done(
        lambda: findings.decide(finding=found, confirm=word.confirm, by=person, now=timezone.now())
    )
    return Status(201, _out(decided))


def _done(act: Callable[[], Finding]) -> Finding:
    """Do it, or say in a problem document why not."""
    try:
        return act()
    except consent.NotAllowed as refusal:
        text = f"{refusal} Nothing was changed or sent."
        raise Refusal(403, "not-allowed", "You may not decide this", text) from None
    except findings.ProofMissing:
        text = "Say what was looked at, and why. Nothing was changed or sent."
        raise Refusal(422, "proof-missing", "A finding needs its proof", text) from None
    except findings.NotDecidable as refusal:
        text = f"{refusal} Nothing was changed or sent."
        raise Refusal(409, "not-decidable", "There is nothing to decide", text) from None


def _out(found: Finding) -> FindingOut:
    return FindingOut(
        id=found.pk,
        step=found.step_id,
        number=found.ref or None,
        evidence=masked_text(found.evidence),
        reason=masked_text(found.reason),
        state=found.state,
        reported_by=found.reported_by.username,
        reported_at=found.reported_at,
        decided_by=found.decided_by.username if found.decided_by else None,
        decided_at=found.decided_at,
    )
