"""One difference between what a system tells and what was agreed: what came, what it holds, and
what to do about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.canonical import contracts
from controltower.canonical.contracts import Remedy
from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.incidents import drifting
from controltower.incidents.models import Cause, DeadLetter, Incident
from controltower.measures import exposure, registry
from controltower.measures.exposure import Scope
from controltower.systems import agreeing
from controltower.systems.models import NEVER_HELD, Agreement, Drift
from controltower.transactions.models import Transaction
from controltower.web import interface_words, plain_names, standing
from controltower.web.actions import Action, leave
from controltower.web.decisions import NOW
from controltower.web.interface_page import decisions
from controltower.web.privacy import masked_text
from controltower.web.security import SignedIn
from controltower.web.stakes import scope_of

MOST_SHOWN = 25


class Propose(forms.Form):
    """What a difference is to mean from now on. The value only for one that is new."""

    stands_for = forms.CharField(
        label=gettext_lazy("The new value means"), max_length=60, required=False
    )
    note = forms.CharField(
        label=gettext_lazy("Why"), max_length=400, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Whoever decides reads this first."),
    )  # fmt: skip


class Everything(forms.Form):
    """All of a group, by the mapping in force now."""

    all_matching = forms.CharField(widget=forms.HiddenInput)
    mapping = forms.CharField(widget=forms.HiddenInput)


@require_safe
def drift(request: SignedIn, pk: int) -> HttpResponse:
    """One difference."""
    one = get_object_or_404(Drift.objects.select_related("interface__system", "version"), pk=pk)
    now, seen = timezone.now(), scope_of(request)
    interface = one.interface
    held = [_row(held) for held in registry.held(one, seen)[:MOST_SHOWN]]
    rows = registry.rows_held(one, request.user)
    incident = Incident.objects.visible_to(request.user).filter(subject=drifting.subject_of(one))
    context = {
        "crumbs": [
            (_("Interfaces"), reverse("interfaces")),
            (interface_words.called(interface), reverse("interface", args=[interface.pk])),
            (_("Not as agreed"), ""),
        ],
        "now": now,
        "drift": interface_words.drift(one, seen, now),
        "held": held,
        "feeds": [(plain_names.record(feed.entity), feed) for feed in drifting.feeds_of(one)],
        "rows": list(rows[:MOST_SHOWN]),
        "rows_worth": registry.worth(rows),
        "causes": [_replay(cause, request.user) for cause in _causes(one, seen)],
        "incident": incident.order_by("-opened_at").first(),
        "propose": _propose(one, request.user),
        "decisions": decisions(_waiting(one), request.user),
        "changes": _changes(one),
        "is_agreed": one.version is not None and one.version.state == Agreement.ACTIVE,
    }
    return render(request, "interfaces/drift.html", context)


def _row(one: Transaction) -> dict[str, Any]:
    return {
        "url": standing.url_of(one),
        "title": masked_text(one.title),
        "client": masked_text(one.counterparty),
        "amount": one.amount,
        "currency": one.currency,
    }


def _causes(one: Drift, seen: Scope) -> list[Cause]:
    """The groups of what it holds, as far as the viewer sees any of them."""
    mine = exposure.within(seen, DeadLetter.objects.open()).order_by().values("cause")
    return list(drifting.causes_of(one).filter(pk__in=mine))


def _replay(cause: Cause, person: Person) -> tuple[Cause, Action]:
    """Everything of a group, planned as from its own page."""
    may, words = leave(person, Right.REPLAY), _("Plan the replay of all it holds")
    return cause, Action(
        id=f"replay-{cause.pk}", label=words, title=words,
        url=reverse("exception_replays", args=[cause.pk]), confirm=_("Plan the replay"),
        form=Everything(initial={"all_matching": "1", "mapping": NOW}, auto_id=False),
        icon="play", allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


def _waiting(one: Drift) -> Any:
    version = one.version
    return version if version is not None and version.state == Agreement.PROPOSED else None


def _changes(one: Drift) -> list[contracts.Changed]:
    """What the version about it changes in the contract."""
    if one.version is None or one.version.state in NEVER_HELD:
        return []
    held = one.interface.versions.exclude(state__in=NEVER_HELD)
    before = held.filter(number__lt=one.version.number).first()
    schema = before.schema if before else contracts.schema_of({})
    return contracts.changes(schema, one.version.schema)


def _propose(one: Drift, person: Person) -> Action | None:
    """Propose to live with it; None where only the source can mend it, or it is proposed."""
    difference = contracts.told(one.sentence)
    remedy = difference.remedy if difference else Remedy.NONE
    labels = {
        Remedy.MAP: _("Say what the new value means"),
        Remedy.OPTIONAL: _("Let the field be missing"),
        Remedy.CONVERT: _("Take the other type"),
    }
    if remedy not in labels or difference is None or _waiting(one) or one.ended_at:
        return None
    may, form = leave(person, Right.EDIT_MAPPING), Propose(auto_id="propose-%s")
    if remedy is Remedy.MAP:
        _offer(form, one, difference.place)
    else:
        del form.fields["stands_for"]
    return Action(
        id="propose", label=labels[remedy], title=labels[remedy],
        url=reverse("drift_proposals", args=[one.pk]), confirm=_("Propose to a second person"),
        form=form, icon="pencil", primary=True, allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


def _offer(form: Propose, one: Drift, place: str) -> None:
    """Known values to choose from, where the contract names them."""
    active = one.interface.versions.filter(state=Agreement.ACTIVE).first()
    known = contracts.known_values(active.schema, place) if active else []
    known = known or contracts.quoted(one.sentence)
    if known:
        form.fields["stands_for"] = forms.ChoiceField(
            label=_("The new value means"), choices=[(value, value) for value in known]
        )


@require_POST
def propose(request: SignedIn, pk: int) -> HttpResponse:
    """Keep a proposal for a second person."""
    one = get_object_or_404(Drift.objects.select_related("interface__system"), pk=pk)
    back, form = HttpResponseRedirect(reverse("drift", args=[pk])), Propose(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why. Nothing was proposed."))
        return back
    said = form.cleaned_data
    try:
        agreeing.propose(
            drift=one, stands_for=said["stands_for"], note=said["note"], by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except (agreeing.NotAllowed, agreeing.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Proposed. A second person decides; until then it stands."))
    return back
