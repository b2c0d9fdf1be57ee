"""The small forms in which a person decides something: all ask for what the audit trail needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from controltower.firm.models import Person
from controltower.incidents.models import By, Cause
from controltower.incidents.triage import Aside
from controltower.web.privacy import masked_text
from controltower.web.sayings import heard
from controltower.web.typed_numbers import Amount

NOW, THEN = "now", "then"
NEXT_PERIOD, REOPENED, CREDIT = "next_period", "reopened", "credit"
WRITE_AGAIN, LET_STAND = "write_again", "let_stand"
ELSEWHERE, WRITE_OFF = "elsewhere", "write_off"


def faults(form: forms.BaseForm) -> str:
    """What is wrong with a form in a line, field by field, each by its name."""
    said = []
    for name, errors in form.errors.items():
        field = form.fields.get(name)
        shown = field is not None and not field.widget.is_hidden
        words = " ".join(str(error) for error in errors)
        said.append(f"{form[name].label}: {words}" if shown else words)
    return " ".join(said)


class Reason(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Kept in the audit trail."),
    )


class PlanReplay(forms.Form):
    """Which steps, and with which mapping version. The steps are those that the page showed."""

    step = forms.TypedMultipleChoiceField(
        coerce=UUID, widget=forms.MultipleHiddenInput, required=False
    )
    mapping = forms.ChoiceField(
        label=_("Mapping"),
        choices=[
            (NOW, _("The version in force now")),
            (THEN, _("The version it was last sent with")),
        ],
        initial=NOW,
        required=False,
    )

    def __init__(self, *args: Any, steps: Iterable[UUID] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["step"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(str(step), str(step)) for step in steps]
        self.initial.setdefault("step", [str(step) for step in steps])

    def clean_mapping(self) -> str:
        """Without a choice, the mapping in force now."""
        return str(self.cleaned_data["mapping"] or NOW)


class PlanAll(PlanReplay):
    """All that match at the moment in which it is posted."""

    all_matching = forms.BooleanField(widget=forms.HiddenInput, initial=True, required=False)


class Found(Reason):
    """What somebody found who looked in the target: there under a number, or not there."""

    number = forms.CharField(label=_("Its number there"), max_length=120)
    evidence = forms.CharField(
        label=_("What you looked at"),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The screen, list or report in that system, and when."),
    )
    step = forms.UUIDField(widget=forms.HiddenInput)
    fence = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)
    there = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)
    field_order = ("number", "evidence", "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self["there"].value() == "no":
            del self.fields["number"]


class ConfirmFinding(forms.Form):
    """The second person's word on exactly one finding."""

    finding = forms.IntegerField(min_value=1, max_value=2**62, widget=forms.HiddenInput)
    confirm = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)


class DecideAmendment(forms.Form):
    """The second person's word on exactly one edit."""

    amendment = forms.IntegerField(min_value=1, max_value=2**62, widget=forms.HiddenInput)
    agree = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)


class DecideWork(Reason):
    """What happens to work of a closed period, to work whose approval was taken back, or to a
    field that a system sets back."""

    decision = forms.ChoiceField(
        choices=[(one, one) for one in (NEXT_PERIOD, REOPENED, CREDIT, WRITE_AGAIN, LET_STAND)],
        widget=forms.HiddenInput,
    )


class Settle(Reason):
    """How something was put right outside the tower."""

    how = forms.ChoiceField(
        choices=[(ELSEWHERE, ELSEWHERE), (WRITE_OFF, WRITE_OFF)], widget=forms.HiddenInput
    )


class Assign(forms.Form):
    """Who takes it."""

    to = forms.ModelChoiceField(
        queryset=Person.objects.none(), label=_("Owner"), required=False, empty_label=_("Nobody")
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["to"]
        assert isinstance(field, forms.ModelChoiceField)
        people = Person.objects.filter(is_active=True, duties__isnull=False)
        field.queryset = people.distinct().order_by("last_name", "first_name", "pk")


LENGTHS = {
    "1": _("For one hour"),
    "4": _("For four hours"),
    "24": _("Until tomorrow"),
    "72": _("For three days"),
    "168": _("For a week"),
    "0": _("Wake it now"),
}


class Snooze(forms.Form):
    """For how long a cause is put aside, how much of it wakes it sooner, and why."""

    hours = forms.ChoiceField(label=_("Put aside"), choices=list(LENGTHS.items()), initial="4")
    count = forms.IntegerField(
        label=_("Sooner, when so many are stuck"), min_value=1, max_value=10**9, required=False
    )
    value = Amount(
        label=_("Sooner, when so much money is stuck"),
        min_value=0,
        max_digits=18,
        decimal_places=2,
        required=False,
        help_text=_("In the reporting currency."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Kept in the audit trail."),
    )

    def aside(self, now: datetime) -> Aside | None:
        """Until when it is put aside; None wakes it at once."""
        hours = int(self.cleaned_data["hours"])
        limits = self.cleaned_data["count"], self.cleaned_data["value"]
        return Aside(now + timedelta(hours=hours), *limits) if hours else None


class Split(Reason):
    """Which part of a cause stands alone from now on."""

    part = forms.ChoiceField(label=_("What stands alone"))
    field_order = ("part", "reason")

    def __init__(self, *args: Any, parts: Iterable[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["part"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(parts)

    def clean_part(self) -> tuple[By, str]:
        """What tells the part from the rest, and its value."""
        by, _separator, value = str(self.cleaned_data["part"]).partition(":")
        return By(by), value


class Causes(forms.ModelChoiceField):  # type: ignore[type-arg] # not subscriptable at run time
    """Causes by their titles, without personal data."""

    def label_from_instance(self, obj: Cause) -> str:
        """What the person reads."""
        return str(heard(masked_text(obj.title)))


class Join(Reason):
    """Under which other cause this one stands from now on."""

    into = Causes(queryset=Cause.objects.none(), label=_("Joined with"))
    field_order = ("into", "reason")

    def __init__(self, *args: Any, others: QuerySet[Cause] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["into"]
        assert isinstance(field, forms.ModelChoiceField)
        if others is not None:
            field.queryset = others


class DecideApproval(forms.Form):
    """Approve or refuse a plan."""

    approve = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"), max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class Sealed(forms.Form):
    """An act bound to exactly what the page showed."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
