"""What a person is offered and shown about a promise that waits for a client."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.transactions import promising
from controltower.transactions.models import Awaited, Pause, Transaction
from controltower.web import formats
from controltower.web.actions import Action, leave

ONE, CHAIN = "one", "chain"
AWAITED = {
    Awaited.PO_NUMBER: gettext_lazy("Waiting for the client: PO number"),
    Awaited.CONTRACT: gettext_lazy("Waiting for the client: signed contract"),
    Awaited.VAT_NUMBER: gettext_lazy("Waiting for the client: VAT number"),
    Awaited.ACCEPTANCE: gettext_lazy("Waiting for the client: acceptance of the work"),
    Awaited.ANSWER: gettext_lazy("Waiting for the client: an answer"),
}


class PausePromise(forms.Form):
    """What is waited for, until when at most, and what shows it."""

    awaits = forms.ChoiceField(label=gettext_lazy("Why"), choices=list(AWAITED.items()))
    until = forms.DateTimeField(
        label=gettext_lazy("At most until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Your own time. It goes on by itself then, or once it arrives."),
    )
    evidence = forms.URLField(
        label=gettext_lazy("Link to what shows it"),
        max_length=400,
        assume_scheme="https",
        help_text=gettext_lazy("The mail, the ticket or the document."),
    )
    note = forms.CharField(label=gettext_lazy("Note"), max_length=300, required=False)
    scope = forms.ChoiceField(
        label=gettext_lazy("For"),
        choices=[
            (ONE, gettext_lazy("this transaction")),
            (CHAIN, gettext_lazy("everything under way in its chain")),
        ],
    )

    def moment(self, zone: str) -> datetime:
        """Until when; the form must be valid."""
        until: datetime = self.cleaned_data["until"]
        return until.replace(tzinfo=ZoneInfo(zone))


def actions(one: Transaction, person: Person, now: datetime) -> list[Action]:
    """To pause a promise that runs, or to let one go on; nothing for others."""
    held = promising.is_held(one)
    if one.is_over or not (held or (one.due_at is not None and one.due_at > now)):
        return []
    may = leave(person, Right.PAUSE_PROMISE, one.entity.code if one.entity else None)
    route = "transaction_resumptions" if held else "transaction_pauses"
    words = _("Let the promise go on") if held else _("Pause the promise")
    return [
        Action(
            id="promise",
            label=words,
            title=_("The clock goes on with what was left")
            if held
            else _("Its clock stands still while the client is waited for"),
            url=f"{reverse(route, args=[one.correlation_id])}?part={one.reference}",
            confirm=words,
            form=None if held else PausePromise(auto_id="pause-%s"),
            icon="play" if held else "pause",
            seldom=not held,
            allowed=may.allowed,
            why_not=may.why_not,
        )
    ]


def shown(one: Transaction, now: datetime) -> dict[str, Any] | None:
    """The pause that holds the clock now."""
    if not promising.is_held(one):
        return None
    pause = Pause.objects.open().select_related("by").filter(transaction=one).first()
    if pause is None:
        return None
    left = promising.paused(one)
    return {
        "why": AWAITED[Awaited(pause.awaits)],
        "until": formats.when(pause.until, now),
        "by": str(pause.by),
        "note": pause.note,
        "evidence": pause.evidence,
        "left": formats.duration(left) if left is not None else "",
    }
