"""Edit and retry over the API: fields of a refused step, and the second person's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Router, Status

from controltower.transactions import amending, consent
from controltower.transactions.models import Amendment, Step, Transaction
from controltower.web.api_access import caller
from controltower.web.api_words import AgreementIn, AmendmentIn, AmendmentOut, Refusal, Text
from controltower.web.privacy import masked_text

router = Router()


@router.post(
    "/transactions/{name}/amendments", response={201: AmendmentOut}, summary="Edit and retry"
)
def propose(
    request: HttpRequest, name: Annotated[Text, Path()], said: AmendmentIn
) -> Status[AmendmentOut]:
    """Send a refused step again with edited fields, of those that its field policy names. Above
    the limit a second person agrees first. What came from the source stays as it is."""
    person = caller(request)
    seen = Transaction.objects.visible_to(person).filter(reference=name).order_by()
    steps = Step.objects.select_related("system", "transaction__entity")
    step = steps.filter(pk=said.step, transaction__in=seen).first()
    if step is None:
        raise Http404
    amendment = _done(
        lambda: amending.propose(
            step=step, fence=said.fence, entered=said.fields, reason=said.reason, by=person,
            now=timezone.now(),
        )
    )  # fmt: skip
    return Status(201, _out(amendment))


@router.post(
    "/amendments/{int:pk}/agreements", response={201: AmendmentOut}, summary="Agree to an edit"
)
def decide(request: HttpRequest, pk: int, word: AgreementIn) -> Status[AmendmentOut]:
    """The second person's word; never that of whoever edited."""
    person = caller(request)
    found = Amendment.objects.select_related("step__transaction__entity", "proposed_by")
    seen = Transaction.objects.visible_to(person).order_by()
    amendment = found.filter(pk=pk, step__transaction__in=seen).first()
    if amendment is None:
        raise Http404
    decided = _done(
        lambda: amending.decide(
            amendment=amendment, agree=word.agree, by=person, now=timezone.now()
        )
    )
    return Status(201, _out(decided))


def _done(act: Callable[[], Amendment]) -> Amendment:
    """Do it, or say in a problem document why not."""
    calm = "Nothing was changed or sent."
    try:
        return act()
    except consent.NotAllowed as refusal:
        raise Refusal(403, "not-allowed", "You may not edit this", f"{refusal} {calm}") from None
    except amending.Wrong as wrong:
        raise Refusal(422, "wrong-fields", "This cannot be taken", f"{wrong} {calm}") from None
    except amending.NotEditable as refusal:
        title = "This cannot be edited"
        raise Refusal(409, "not-editable", title, f"{refusal} {calm}") from None


def _out(amendment: Amendment) -> AmendmentOut:
    return AmendmentOut(
        id=amendment.pk,
        step=amendment.step_id,
        changed=amending.told_of(amendment),
        reason=masked_text(amendment.reason),
        state=amendment.state,
        proposed_by=amendment.proposed_by.username,
        proposed_at=amendment.proposed_at,
        decided_by=amendment.decided_by.username if amendment.decided_by else None,
        decided_at=amendment.decided_at,
    )
