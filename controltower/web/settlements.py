"""What is ended by a person's word alone: what came of saying so, and the second person's word."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.firm.rights import Right, beyond
from controltower.incidents import settling, triage
from controltower.incidents.models import Cause, Settlement
from controltower.measures.exposure import reporting_currency
from controltower.transactions.models import Transaction
from controltower.web import formats, privacy, standing
from controltower.web.actions import Action, only
from controltower.web.security import SignedIn

WAYS = {"yes": True, "no": False}
AGREE = "settlement-yes"
"""The id of agreeing, as an act."""


class DecideSettlement(forms.Form):
    """The second person's word."""

    agree = forms.ChoiceField(choices=[(way, way) for way in WAYS], widget=forms.HiddenInput)


def about(cause: Cause, person: Person) -> Settlement | None:
    """What waits for a second person's word about a cause, if it concerns anything that this person
    sees."""
    one = settling.about(cause)
    return one if one is not None and seen_of(one, person) else None


def seen_of(one: Settlement, person: Person) -> list[Transaction]:
    """What it would end, as far as this person sees it: of more nothing is told."""
    return list(one.transactions.visible_to(person).select_related("entity"))


def told(one: Settlement, person: Person) -> str:
    """Who would end what, worth how much, and why."""
    seen = seen_of(one, person)
    count = len(seen)
    if one.discard:
        words = ngettext(
            "%(who)s would write off %(n)s transaction, %(worth)s: “%(reason)s”",
            "%(who)s would write off %(n)s transactions, %(worth)s: “%(reason)s”",
            count,
        )
    else:
        words = ngettext(
            "%(who)s says that %(n)s transaction, %(worth)s, was settled elsewhere: “%(reason)s”",
            "%(who)s says that %(n)s transactions, %(worth)s, were settled elsewhere: “%(reason)s”",
            count,
        )
    return words % {
        "who": one.proposed_by,
        "n": formats.number(count),
        "worth": _worth(settling.worth(seen)),
        "reason": privacy.masked_text(one.reason),
    }


def _worth(worth: Decimal | None) -> str:
    if worth is None:
        return _("worth nobody knows what")
    shown = formats.money(Money.of(worth, reporting_currency()))
    return _("worth %(value)s") % {"value": shown}


def actions(one: Settlement, person: Person) -> list[Action]:
    """Agree or refuse: somebody else's, with the right in each company concerned; who proposed it
    may take it back. Whether others than one sees are concerned is told to whoever tries."""
    own = person.pk == one.proposed_by_id
    companies = [part.entity for part in seen_of(one, person)]
    may = not beyond(person, Right.APPROVE_REPLAY, companies)
    why_not = "" if may else only(Right.APPROVE_REPLAY)
    if own:
        why_not = _("You proposed it, so somebody else must decide.")
    no = _("Take it back") if own else _("Refuse, leave them stuck")
    ways = (("yes", _("Agree, end them"), "check"), ("no", no, "x"))
    return [
        Action(
            id=f"settlement-{way}",
            label=label,
            title=told(one, person),
            url=reverse("settlement_decisions", args=[one.pk]),
            confirm=label,
            form=DecideSettlement(auto_id=f"settlement-{way}-%s", initial={"agree": way}),
            icon=icon,
            primary=way == "yes" and may and not own,
            allowed=way == "no" if own else may,
            why_not=why_not,
        )
        for way, label, icon in ways
    ]


def say(request: SignedIn, made: Settlement) -> None:
    """What came of ending something, or of the second person's word."""
    if made.state == Settlement.State.PROPOSED:
        words = _("Kept: so much money is at stake that a second person must agree. Nothing ended.")
        messages.success(request, words)
    elif made.is_withdrawn:
        messages.success(request, _("Taken back: all of it stays where it is."))
    elif made.state == Settlement.State.REFUSED:
        messages.success(request, _("Refused: all of it stays where it is."))
    elif made.ended:
        words = ngettext(
            "%(n)d transaction ended, with your reason.",
            "%(n)d transactions ended, with your reason.",
            made.ended,
        )
        messages.success(request, words % {"n": made.ended})
    else:
        messages.warning(request, _("It had ended already."))


@require_POST
def decide(request: SignedIn, pk: int) -> HttpResponse:
    """The second person agrees, or does not."""
    one = get_object_or_404(Settlement.objects.select_related("proposed_by", "cause"), pk=pk)
    seen = seen_of(one, request.user)
    if not seen:
        raise Http404
    form = DecideSettlement(request.POST)
    try:
        if not form.is_valid():
            raise settling.NotDecidable(_("That could not be read."))
        agree = WAYS[form.cleaned_data["agree"]]
        now = timezone.now()
        say(request, settling.decide(settlement=one, agree=agree, by=request.user, now=now))
    except triage.NotAllowed as refusal:
        messages.error(request, str(refusal))
    except settling.NotDecidable as why:
        messages.warning(request, _("Nothing was changed or sent. %(why)s") % {"why": why})
    if one.cause is not None:
        return HttpResponseRedirect(reverse("exception", args=[one.cause.pk]))
    return HttpResponseRedirect(standing.url_of(seen[0]))
