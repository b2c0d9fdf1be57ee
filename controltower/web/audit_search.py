"""What is looked for in the audit chain: who, what they did, to what, when, and whether they were
let."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet, Value
from django.db.models.functions import Concat
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy

from controltower.firm.models import AuditEntry, Person
from controltower.firm.rights import Right, may_everywhere

A_DAY = timedelta(days=1)
MOST_COUNTED = 1000


class Search(forms.Form):
    """Who, what they did, to what, when, and whether they were let."""

    actor = forms.CharField(label=gettext_lazy("Person"), required=False, max_length=150)
    verb = forms.CharField(label=gettext_lazy("Verb"), required=False, max_length=60)
    subject = forms.CharField(label=gettext_lazy("Object"), required=False, max_length=120)
    since = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput({"type": "date"})
    )
    until = forms.DateField(
        label=gettext_lazy("Until"), required=False, widget=forms.DateInput({"type": "date"})
    )
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[
            ("", gettext_lazy("All")),
            ("allowed", gettext_lazy("Allowed")),
            ("denied", gettext_lazy("Denied")),
        ],
    )


def asked_for(query: QueryDict) -> QuerySet[AuditEntry]:
    """The entries that an address asks for; all of them when it makes no sense."""
    form = Search(query)
    return found(form.cleaned_data if form.is_valid() else {})


def found(said: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The entries that a valid search asks for."""
    rows = AuditEntry.objects.all()
    if said.get("actor"):
        rows = rows.filter(actor__in=[said["actor"], *_called(said["actor"])])
    if said.get("verb"):
        rows = rows.filter(verb=said["verb"])
    if said.get("subject"):
        rows = rows.filter(subject__contains=said["subject"])
    if said.get("outcome"):
        rows = rows.filter(allowed=said["outcome"] == "allowed")
    if said.get("since"):
        rows = rows.filter(at__gte=_midnight(said["since"]))
    if said.get("until"):
        rows = rows.filter(at__lt=_midnight(said["until"] + A_DAY))
    return rows


def _called(name: str) -> list[str]:
    """The sign-in names of those who are called so."""
    whole = Concat("first_name", Value(" "), "last_name")
    people = Person.objects.annotate(whole=whole).filter(whole__icontains=name)
    return list(people.values_list("username", flat=True))


def _midnight(day: Any) -> datetime:
    """When a day of the person's zone begins."""
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def count(person: Person, query: QueryDict) -> tuple[int | None, bool]:
    """How many entries a search finds, and whether there are more than were counted; None for who
    may not read the chain."""
    if not may_everywhere(person, Right.SEE_AUDIT):
        return None, False
    counted = asked_for(query).order_by()[: MOST_COUNTED + 1].count()
    return min(counted, MOST_COUNTED), counted > MOST_COUNTED
