"""Admin: the companies of the firm: what each is, where its records must stay, and how one is added
or changed."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from controltower.canonical.money import MINOR_UNITS
from controltower.firm import companies as agreed_companies
from controltower.firm import policies
from controltower.firm.models import LegalEntity, PolicyVersion
from controltower.firm.rights import Right
from controltower.systems.models import System
from controltower.transactions.agreed_companies import has_books
from controltower.web import formats, manage_frame, policy_words, zones
from controltower.web.actions import Action
from controltower.web.decisions import Reason
from controltower.web.manage import Line, change
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn
from controltower.web.typed_numbers import Amount

UNSAID = ("", "–")
"""What is chosen before somebody has chosen."""


class Company(Reason):
    """What a company is."""

    about = forms.CharField(max_length=16, widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    country = forms.ChoiceField(label=gettext_lazy("Country"))
    currency = forms.ChoiceField(
        label=gettext_lazy("Currency"),
        choices=[UNSAID, *((code, code) for code in sorted(MINOR_UNITS))],
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=zones.CHOICES,
        widget=forms.TextInput({"list": "zones"}),
    )
    residency = forms.CharField(
        label=gettext_lazy("Its records stay in"),
        max_length=16,
        required=False,
        help_text=gettext_lazy(
            "A region such as EU; empty when they may go anywhere. They are sent to no system that "
            "keeps its data elsewhere, or of which nobody has said where: what is under way there "
            "is refused from then on."
        ),
    )
    gathering_minutes = forms.IntegerField(
        label=gettext_lazy("Approved work is gathered for (minutes)"),
        min_value=0,
        max_value=agreed_companies.LONGEST_GATHERING,
        initial=agreed_companies.USUAL["gathering_minutes"],
    )
    revenue_tolerance = Amount(
        label=gettext_lazy("Revenue may differ by"),
        min_value=0,
        decimal_places=2,
        initial=agreed_companies.USUAL["revenue_tolerance"],
        help_text=gettext_lazy("In its own currency, before somebody is asked."),
    )
    staffing_tolerance = Amount(
        label=gettext_lazy("A place may ask for more hours than there are, up to"),
        min_value=0,
        max_value=agreed_companies.MOST_HOURS,
        decimal_places=2,
        initial=agreed_companies.USUAL["staffing_tolerance"],
    )
    field_order: tuple[str, ...] = ("about", *agreed_companies.FIELDS, "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        countries = self.fields["country"]
        assert isinstance(countries, forms.ChoiceField)
        named = ((code, formats.country(code)) for code in agreed_companies.COUNTRIES)
        countries.choices = [UNSAID, *sorted(named, key=itemgetter(1))]

    @property
    def content(self) -> dict[str, Any]:
        """What is written down. Only when the form is valid."""
        said = {name: self.cleaned_data[name] for name in self.fields if name in KEPT}
        return said | {
            "residency": said["residency"].upper(),
            "revenue_tolerance": str(said["revenue_tolerance"]),
            "staffing_tolerance": str(said["staffing_tolerance"]),
        }


KEPT = frozenset(agreed_companies.FIELDS)


class NewCompany(Company):
    """One that is not there yet: its code and its first month are said once."""

    about = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=16,
        help_text=gettext_lazy("Such as LF-DE. Records name the company so; it never changes."),
    )
    first_open_month = forms.CharField(
        label=gettext_lazy("First open month"),
        max_length=7,
        help_text=gettext_lazy("Such as 2026-11. Earlier ones are closed until an ERP says more."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def companies(request: SignedIn) -> HttpResponse:
    """Every company with its version; a new one or a change waits for a second person."""
    found = LegalEntity.objects.in_bulk(field_name="code")
    if request.method == "POST":
        return _propose(request, found)
    agreed = policies.of_kind(agreed_companies.KIND)
    coming = manage_frame.waiting(agreed_companies.KIND)
    regions = {one.title: one.region for one in System.objects.filter(active=True)}
    context = {
        "new": _new(request),
        "lines": [
            _line(request, one, agreed.get(code), coming.get(code), regions)
            for code, one in sorted(found.items())
        ],
        "waiting": [
            {"title": policy_words.title(one.kind, one.about),
             "said": policy_words.company(one.content)}
            for code, one in coming.items() if code not in found
        ],
        "zones": zones.ZONES,
    }  # fmt: skip
    return manage_frame.page(request, "manage/companies.html", "manage_companies", context)


def _propose(request: SignedIn, found: Mapping[str, LegalEntity]) -> HttpResponse:
    code, back = request.POST.get("about", "").strip().upper(), reverse("manage_companies")
    form = (Company if code in found else NewCompany)(request.POST)
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    subject, reason = f"{agreed_companies.KIND}:{code}", form.cleaned_data["reason"]
    return manage_frame.propose(request, subject, form.content, reason, back)


def _new(request: SignedIn) -> Action:
    leave = manage_frame.leave(request, Right.ADMINISTER)
    form = NewCompany(
        initial={"first_open_month": f"{timezone.now():%Y-%m}"}, auto_id="new-company-%s"
    )
    return Action(
        id="new-company", label=_("New company"), title=_("Which company is new?"),
        icon="building-2",
        url=reverse("manage_companies"), form=form, confirm=_("Propose the company"), primary=True,
        allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip


def _line(
    request: SignedIn, entity: LegalEntity, version: PolicyVersion | None,
    coming: PolicyVersion | None, regions: Mapping[str, str],
) -> Line:  # fmt: skip
    content = agreed_companies.content_of(entity)
    shown = content | {
        "about": entity.code,
        "revenue_tolerance": entity.revenue_tolerance,
        "staffing_tolerance": entity.staffing_tolerance,
    }
    form = Company(initial=shown, auto_id=f"company-{entity.code}-%s")
    if has_books(entity):
        form.fields["currency"].help_text = _("It has books: this cannot change any more.")
    title = _("Change %(name)s") % {"name": entity.name}
    url = reverse("manage_companies")
    return Line(
        entity.code,
        policy_words.company(content),
        version,
        policy_words.said(agreed_companies.KIND, coming.content) if coming else "",
        change(request, f"company-{entity.code}", title, url, form),
        {
            "region": entity.residency,
            "kept_from": [
                title for title, region in sorted(regions.items())
                if entity.residency not in {"", region}
            ],
        },
    )  # fmt: skip
