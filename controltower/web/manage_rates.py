"""Admin: exchange rates into the reporting currency, month by month, and how new ones are proposed:
one or a whole list, typed or pasted from a spreadsheet."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from controltower.firm import dated_rates, governing, policies
from controltower.firm.models import ExchangeRate, LegalEntity, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.firm.rates import in_force
from controltower.firm.rights import Right
from controltower.transactions import agreed_rates
from controltower.web import manage_frame, policy_words
from controltower.web.actions import Action
from controltower.web.decisions import Reason
from controltower.web.manage_frame import guarded
from controltower.web.sayings import heard
from controltower.web.security import SignedIn

MONTHS = 24
LEAST_PARTS = 3
CODE = re.compile(r"[A-Z]{3}\Z")
Pairs = dict[str, list[list[str]]]


class Rates(Reason):
    """Rates, one a line."""

    lines = forms.CharField(
        label=gettext_lazy("Rates"),
        max_length=20_000,
        widget=forms.Textarea({"rows": 6}),
        help_text=gettext_lazy(
            "One a line: GBP, 2026-12-01, 1.1420. Lines of a spreadsheet can be pasted as they are."
        ),
    )
    replace = forms.BooleanField(
        label=gettext_lazy("Replace rates that are there"),
        required=False,
        help_text=gettext_lazy("What rests on them is said first."),
    )
    field_order = ("lines", "replace", "reason")

    def clean_lines(self) -> Pairs:
        """Days and rates by currency. Raises ValidationError with every line that is wrong."""
        found: Pairs = defaultdict(list)
        wrong = []
        for number, line in enumerate(self.cleaned_data["lines"].splitlines(), 1):
            if not line.strip() or _is_heading(line, number):
                continue
            currency, on, rate = read(line)
            why = heard(dated_rates.objection(currency, on, rate))
            if not why and on in {day for day, _rate in found[currency]}:
                why = _("This day has a rate in a line before it.")
            if why:
                wrong.append(_("Line %(n)s: %(why)s") % {"n": number, "why": why})
            found[currency].append([on, rate])
        if wrong or not found:
            raise forms.ValidationError(" ".join(wrong) or _("There is no rate in it."))
        return dict(found)


def read(line: str) -> tuple[str, str, str]:
    """Currency, day and rate of a line. Between them stands a comma; or a semicolon or a tab, and
    then a comma may stand in the rate."""
    by = next((mark for mark in "\t;" if mark in line), ",")
    parts = [part.strip().strip('"') for part in line.split(by)] + [""] * LEAST_PARTS
    currency, on, rate = parts[:LEAST_PARTS]
    return currency.upper(), on, rate if by == "," else rate.replace(",", ".")


def _is_heading(line: str, number: int) -> bool:
    currency, _on, _rate = read(line)
    return number == 1 and not CODE.match(currency) and not any(map(str.isdigit, line))


class Row(NamedTuple):
    """A currency: its rate in force, and what was agreed upon and waits."""

    currency: str
    rate: ExchangeRate | None
    version: PolicyVersion | None
    waits: str


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def rates(request: SignedIn) -> HttpResponse:
    """The rates in force and those of the last months; new ones wait for a second person."""
    back = reverse("manage_rates")
    if request.method == "POST":
        form = Rates(request.POST)
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        return _propose(request, form.cleaned_data, back)
    leave = manage_frame.leave(request, Right.SET_RATES)
    add = Action(
        id="add-rates", label=_("Add rates"), title=_("Which rates are to hold?"),
        icon="arrow-left-right",
        url=back, form=Rates(auto_id="rates-%s"), confirm=_("Propose the rates"), primary=True,
        allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip
    currencies = _currencies()
    context = {
        "reporting": settings.REPORTING_CURRENCY,
        "add": add,
        "rows": list(_rows(currencies)),
        "currencies": currencies,
        "months": _months(currencies),
    }
    return manage_frame.page(request, "manage/rates.html", "manage_rates", context)


def _propose(request: SignedIn, said: dict[str, Any], back: str) -> HttpResponse:
    """A policy for each currency, all of them or none."""
    contents = {code: _content(code, pairs) for code, pairs in said["lines"].items()}
    if refused := _objection(contents, replace=said["replace"]):
        messages.error(request, refused)
        return HttpResponseRedirect(back)
    try:
        for code, content in contents.items():
            governing.propose(
                subject=f"{dated_rates.KIND}:{code}", content=content, reason=said["reason"],
                by=request.user, now=timezone.now(),
            )  # fmt: skip
    except (governing.NotAllowed, governing.NotOpen, BadPolicy) as why:
        messages.error(request, str(why))
    else:
        messages.success(request, _("Proposed. They hold once a second person has agreed to them."))
    return HttpResponseRedirect(back)


def _objection(contents: Mapping[str, dict[str, Any]], *, replace: bool) -> str:
    """Why none of them is proposed, "" when all can be: others wait, or rates would be replaced
    and nobody has said that this is meant."""
    if waiting := sorted(contents.keys() & manage_frame.waiting(dated_rates.KIND).keys()):
        words = _("Nothing was proposed: other rates of %(currencies)s wait for a second person.")
        return words % {"currencies": ", ".join(waiting)}
    used = {code: one for code, one in contents.items() if "replaces" in one}
    if replace or not used:
        return ""
    words = _(
        "Nothing was proposed: there are rates for these days already. %(told)s. If that is "
        "meant, tick “Replace rates that are there”."
    )
    told = (f"{code}: {policy_words.rates(one)}" for code, one in used.items())
    return words % {"told": "; ".join(told)}


def _content(currency: str, pairs: Iterable[list[str]]) -> dict[str, Any]:
    listed = sorted(pairs)
    replaced = agreed_rates.replaced(currency, listed)
    return {"rates": listed} | ({"replaces": replaced} if replaced else {})


def _currencies() -> list[str]:
    """Those of the firm's companies, and whatever else has a rate."""
    used = {*LegalEntity.objects.values_list("currency", flat=True)}
    used |= {*ExchangeRate.objects.order_by().values_list("currency", flat=True).distinct()}
    return sorted(used - {settings.REPORTING_CURRENCY})


def _rows(currencies: Iterable[str]) -> Iterable[Row]:
    holding = {one.currency: one for one in in_force()}
    agreed = policies.of_kind(dated_rates.KIND)
    coming = manage_frame.waiting(dated_rates.KIND)
    for code in dict.fromkeys([*currencies, *sorted(coming)]):
        waits = policy_words.rates(coming[code].content) if code in coming else ""
        yield Row(code, holding.get(code), agreed.get(code), waits)


def _months(currencies: list[str]) -> list[tuple[str, list[list[ExchangeRate]]]]:
    """The newest months that have rates, each with the rates of every currency."""
    found: dict[str, dict[str, list[ExchangeRate]]] = {}
    for one in ExchangeRate.objects.order_by("-on", "currency"):
        of_month = found.setdefault(f"{one.on:%Y-%m}", {})
        if len(found) > MONTHS:
            break
        of_month.setdefault(one.currency, []).append(one)
    return [
        (month, [of_month.get(code, []) for code in currencies])
        for month, of_month in found.items()
        if of_month
    ]
