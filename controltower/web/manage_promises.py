"""Admin: what the firm promises, process by process and milestone by milestone, and the calendars
of its entities by which promises are counted."""

from __future__ import annotations

from datetime import date
from operator import itemgetter
from typing import Any

import holidays
from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from controltower.canonical.calendar import public_holidays
from controltower.canonical.promise import BY_DAYS, Counted, Promise
from controltower.firm import calendars as agreed_calendars
from controltower.firm import policies, promised
from controltower.firm.models import LegalEntity, PolicyVersion
from controltower.processes import catalogue
from controltower.transactions import promising
from controltower.web import formats, manage_frame, policy_words, zones
from controltower.web.decisions import Reason
from controltower.web.manage import Line, change
from controltower.web.manage_frame import guarded
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.typed_numbers import Amount

AN_HOUR = 60
COUNTED = [
    (Counted.ELAPSED, gettext_lazy("hours around the clock")),
    (Counted.WORKING, gettext_lazy("working hours")),
    (Counted.DAYS, gettext_lazy("days, to the end of the day")),
    (Counted.WORKING_DAYS, gettext_lazy("working days, to the end of the day")),
]
WEEKDAYS = [
    (0, gettext_lazy("Monday")),
    (1, gettext_lazy("Tuesday")),
    (2, gettext_lazy("Wednesday")),
    (3, gettext_lazy("Thursday")),
    (4, gettext_lazy("Friday")),
    (5, gettext_lazy("Saturday")),
    (6, gettext_lazy("Sunday")),
]
SOON = 5


class Promised(Reason):
    """How long something may take, in which time, and when people are warned."""

    about = forms.CharField(max_length=80, widget=forms.HiddenInput)
    amount = Amount(label=gettext_lazy("At most"), min_value=0, decimal_places=2)
    counted = forms.ChoiceField(label=gettext_lazy("Counted in"), choices=COUNTED)
    warn_at = forms.IntegerField(
        label=gettext_lazy("Warn when so much of it is used (%)"), min_value=1, max_value=99
    )
    field_order = ("amount", "counted", "warn_at", "reason")

    @property
    def content(self) -> dict[str, Any]:
        """What is written down. Only when the form is valid."""
        said = self.cleaned_data
        unit = 1 if Counted(said["counted"]) in BY_DAYS else AN_HOUR
        return {
            "counted": said["counted"],
            "amount": int(said["amount"] * unit),
            "warn_at": said["warn_at"],
        }


def initial(about: str, promise: Promise) -> dict[str, Any]:
    """What a promise's form shows at first."""
    whole = promise.amount if promise.counted in BY_DAYS else promise.amount / AN_HOUR
    return {
        "about": about,
        "amount": f"{whole:g}",
        "counted": promise.counted,
        "warn_at": promise.warn_at,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def promises(request: SignedIn) -> HttpResponse:
    """Every promise with its version; a change waits for a second person."""
    known = _titles()
    if request.method == "POST":
        form, back = Promised(request.POST), reverse("manage_promises")
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        about = form.cleaned_data["about"]
        if about not in known:
            form.add_error(None, _("There is no such promise."))
            return manage_frame.unclear(request, form, back)
        subject = f"{promised.KIND}:{about}"
        return manage_frame.propose(
            request, subject, form.content, form.cleaned_data["reason"], back
        )
    agreed, coming = policies.of_kind(promised.KIND), manage_frame.waiting(promised.KIND)
    standard = promising.defined()
    lines = [
        _promise(request, about, title, agreed.get(about), coming.get(about), standard[about])
        for about, title in known.items()
    ]
    return manage_frame.page(request, "manage/promises.html", "manage_promises", {"lines": lines})


def _titles() -> dict[str, str]:
    """What promises are about, processes first, with their titles."""
    found = {process.name: heard(process.title) for process in catalogue.PROCESSES}
    for milestone in promising.EXPECTED:
        found[f"{promised.MILESTONE}{milestone.name}"] = heard(milestone.title)
    return found


def _promise(
    request: SignedIn, about: str, title: str, version: PolicyVersion | None,
    coming: PolicyVersion | None, standard: Promise,
) -> Line:  # fmt: skip
    promise = promised.read(version.content) if version else standard
    slug = about.replace("/", "-")
    form = Promised(initial=initial(about, promise), auto_id=f"promise-{slug}-%s")
    return Line(
        title,
        policy_words.promise(promised.written(promise)),
        version,
        policy_words.said(promised.KIND, coming.content) if coming else "",
        change(request, f"promise-{slug}", _("Change the promise of “%(name)s”") % {"name": title},
               reverse("manage_promises"), form),
    )  # fmt: skip


class Days(Reason):
    """When an entity works."""

    about = forms.CharField(max_length=16, widget=forms.HiddenInput)
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=zones.CHOICES,
        widget=forms.TextInput({"list": "zones"}),
    )
    opens = forms.TimeField(label=gettext_lazy("Opens"), widget=forms.TimeInput({"type": "time"}))
    closes = forms.TimeField(label=gettext_lazy("Closes"), widget=forms.TimeInput({"type": "time"}))
    weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Working days"),
        choices=WEEKDAYS,
        coerce=int,
        widget=forms.SelectMultiple({"size": 7}),
    )
    country = forms.ChoiceField(label=gettext_lazy("Public holidays of"), required=False)
    region = forms.CharField(label=gettext_lazy("Region"), required=False, max_length=20)
    own_days = forms.CharField(
        label=gettext_lazy("The firm's own days off"),
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text=gettext_lazy("One a line: 2026-12-24 Christmas Eve"),
    )
    cut_off = forms.TimeField(
        label=gettext_lazy("Cut-off"),
        required=False,
        widget=forms.TimeInput({"type": "time"}),
        help_text=gettext_lazy("What comes later counts as of the next working day."),
    )
    month_day = forms.IntegerField(
        label=gettext_lazy("A month must be complete on working day"),
        min_value=1,
        max_value=agreed_calendars.LATEST_MONTH_DAY,
        help_text=gettext_lazy("Counted in the month that follows."),
    )
    month_time = forms.TimeField(label=gettext_lazy("At"), widget=forms.TimeInput({"type": "time"}))
    field_order = (
        "zone", "opens", "closes", "weekdays", "country", "region", "own_days", "cut_off",
        "month_day", "month_time", "reason",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        countries = self.fields["country"]
        assert isinstance(countries, forms.ChoiceField)
        known = [code for code in holidays.list_supported_countries() if len(code) == 2]
        named = sorted(((code, formats.country(code)) for code in known), key=itemgetter(1))
        countries.choices = [("", _("none")), *named]

    def clean_own_days(self) -> list[list[str]]:
        """Each line is a day and its name. Raises ValidationError."""
        found = []
        for line in self.cleaned_data["own_days"].splitlines():
            day, _space, name = line.strip().partition(" ")
            if not day:
                continue
            try:
                found.append([date.fromisoformat(day).isoformat(), name.strip()[:80]])
            except ValueError:
                words = _("“%(line)s” does not begin with a day such as 2026-12-24.")
                raise forms.ValidationError(words % {"line": line[:40]}) from None
        return sorted(found)

    @property
    def content(self) -> dict[str, Any]:
        """What is written down. Only when the form is valid."""
        said = self.cleaned_data
        return {
            "zone": said["zone"],
            "opens": f"{said['opens']:%H:%M}",
            "closes": f"{said['closes']:%H:%M}",
            "weekdays": sorted(said["weekdays"]),
            "country": said["country"],
            "region": said["region"],
            "own_days": said["own_days"],
            "cut_off": f"{said['cut_off']:%H:%M}" if said["cut_off"] else "",
            "month_day": said["month_day"],
            "month_time": f"{said['month_time']:%H:%M}",
        }


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def calendars(request: SignedIn) -> HttpResponse:
    """The calendar of each legal entity; a change waits for a second person."""
    if request.method == "POST":
        form, back = Days(request.POST), reverse("manage_calendars")
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        subject = f"{agreed_calendars.KIND}:{form.cleaned_data['about']}"
        return manage_frame.propose(
            request, subject, form.content, form.cleaned_data["reason"], back
        )
    agreed = policies.of_kind(agreed_calendars.KIND)
    coming = manage_frame.waiting(agreed_calendars.KIND)
    lines = [
        _calendar(request, entity, agreed.get(entity.code), coming.get(entity.code))
        for entity in LegalEntity.objects.all()
    ]
    context = {"lines": lines, "zones": zones.ZONES}
    return manage_frame.page(request, "manage/calendars.html", "manage_calendars", context)


def _calendar(
    request: SignedIn, entity: LegalEntity, version: PolicyVersion | None,
    coming: PolicyVersion | None,
) -> Line:  # fmt: skip
    content = version.content if version else agreed_calendars.usual(entity)
    shown = (
        agreed_calendars.USUAL_MONTH
        | dict(content)
        | {
            "about": entity.code,
            "own_days": "\n".join(" ".join(pair) for pair in content["own_days"]),
        }
    )
    form = Days(initial=shown, auto_id=f"calendar-{entity.code}-%s")
    return Line(
        entity.name,
        policy_words.calendar(content),
        version,
        policy_words.said(agreed_calendars.KIND, coming.content) if coming else "",
        change(request, f"calendar-{entity.code}",
               _("Change the calendar of %(name)s") % {"name": entity.name},
               reverse("manage_calendars"), form),
        _days_off(content),
    )  # fmt: skip


def _days_off(content: dict[str, Any]) -> list[tuple[date, str]]:
    """The next days off, public or the firm's own."""
    today, language = timezone.localdate(), (get_language() or "en")[:2]
    found = {date.fromisoformat(day): name for day, name in content["own_days"]}
    for year in (today.year, today.year + 1):
        named = public_holidays(content["country"], content["region"], year, language)
        found |= {day: heard(name) for day, name in named.items()}
    return sorted((day, name) for day, name in found.items() if day >= today)[:SOON]
