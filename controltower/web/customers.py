"""Customers: which clients may be one and the same, what was decided, and what was overruled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.mappings.models import Likeness
from controltower.transactions import consent, duplicates
from controltower.transactions.models import Transaction
from controltower.web import standing
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.list_filters import ListFilters
from controltower.web.sayings import heard
from controltower.web.security import SignedIn

APART = "apart"


class Word(Reason):
    """One client or two, and why."""

    client = forms.CharField(widget=forms.HiddenInput, max_length=60)
    other = forms.CharField(widget=forms.HiddenInput, max_length=60)
    survivor = forms.CharField(
        label=gettext_lazy("Are they one client?"), max_length=60, widget=forms.RadioSelect
    )
    field_order = ("survivor", "reason")

    @classmethod
    def on(cls, pair: duplicates.Pair) -> Word:
        """The form about a pair, with both of them to choose from."""
        refs = {"client": pair.client["source_id"], "other": pair.other["source_id"]}
        form = cls(initial=refs, auto_id=f"{'-'.join(pair.ids)}-%s")
        field = form.fields["survivor"]
        field.widget.choices = [
            (APART, _("No, two clients: keep them apart")),
            *((one["source_id"], _one(one)) for one in (pair.client, pair.other)),
        ]
        return form


def _one(client: Mapping[str, Any]) -> str:
    number = client["erp_code"] or _("no customer number")
    return _("Yes: %(name)s (%(number)s) speaks for both") % {
        "name": client["name"],
        "number": number,
    }


@dataclass(frozen=True, slots=True)
class Found:
    """What waits for a word, what was decided and what was overruled."""

    pairs: list[duplicates.Pair]
    decisions: list[Likeness]
    overruled: list[tuple[Transaction, list[str]]]


class Filters(ListFilters):
    """Which clients are looked for."""

    hint = gettext_lazy("Client, city, number or who decided")

    def leave(self, person: Person) -> Found:
        """What the person may see of it and they ask for; all of it when they make no sense."""
        self.is_valid()
        return Found(
            [
                pair
                for pair in duplicates.waiting(person)
                if self.finds(*pair.client.values(), *pair.other.values())
            ],
            [
                one
                for one in duplicates.decisions(person)
                if self.finds(duplicates.said(one), one.reason, one.decided_by)
            ],
            [
                (one, words)
                for one, words in duplicates.overruled(person)
                if self.finds(one.counterparty, *words)
            ],
        )


@require_safe
def customers(request: SignedIn) -> HttpResponse:
    """What waits for a data owner's word first; then what was decided and what was overruled."""
    filters, person = Filters(request.GET), request.user
    found = filters.leave(person)
    context = {
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("customers"),
        "crumbs": [(_("Mappings"), reverse("mappings")), (_("Customers"), "")],
        "pairs": [_shown(pair, person) for pair in found.pairs],
        "decisions": [(duplicates.said(one), one) for one in found.decisions],
        "overruled": [
            {"transaction": one, "url": standing.url_of(one), "words": words}
            for one, words in found.overruled
        ],
    }
    return render(request, "customers/list.html", context)


def why_of(pair: duplicates.Pair) -> str:
    """Why two clients may be one, in the reader's words."""
    return ", ".join(heard(one) for one in pair.why.split(", "))


def _shown(pair: duplicates.Pair, person: Person) -> dict[str, Any]:
    entity = pair.transaction.entity.code if pair.transaction.entity else None
    may = leave(person, Right.DECIDE_DUPLICATE, entity)
    return {
        "client": pair.client,
        "other": pair.other,
        "why": why_of(pair),
        "url": standing.url_of(pair.transaction),
        "action": Action(
            id=f"decide-{'-'.join(pair.ids)}",
            label=_("Decide"),
            title=_("One client or two?"),
            url=reverse("customer_decisions"),
            confirm=_("Decide on these two clients"),
            form=Word.on(pair),
            allowed=may.allowed,
            why_not=may.why_not,
        ),
    }


@require_POST
def decide(request: SignedIn) -> HttpResponse:
    """A data owner's word on two clients."""
    form = Word(request.POST)
    back = HttpResponseRedirect(reverse("customers"))
    if not form.is_valid():
        messages.error(request, _("It needs a choice and a reason. Nothing was decided."))
        return back
    said = form.cleaned_data
    survivor = "" if said["survivor"] == APART else said["survivor"]
    try:
        word = duplicates.decide(
            ids=[said["client"], said["other"]],
            survivor=survivor,
            reason=said["reason"],
            by=request.user,
            now=timezone.now(),
        )
    except consent.NotAllowed as refusal:
        messages.error(request, str(refusal))
    except duplicates.NotDecidable:
        raise Http404 from None
    else:
        words = {"word": duplicates.said(word)}
        messages.success(request, _("Decided: %(word)s What waited for it goes on.") % words)
    return back
