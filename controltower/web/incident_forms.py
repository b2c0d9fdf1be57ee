"""The small forms in which people lead an incident: hand over, update, link, review."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.firm.models import Person
from controltower.firm.rights import WHO, Right
from controltower.incidents.models import Cause
from controltower.measures import causes, exposure
from controltower.measures.exposure import Scope
from controltower.systems.models import System
from controltower.transactions.models import Transaction
from controltower.web import privacy
from controltower.web.exception_groups import letters_of
from controltower.web.sayings import heard


class HandOver(forms.Form):
    """Who leads, and who takes over when they do not answer."""

    owner = forms.ModelChoiceField(queryset=Person.objects.none(), label=gettext_lazy("Lead"))
    deputy = forms.ModelChoiceField(
        queryset=Person.objects.none(),
        label=gettext_lazy("Deputy"),
        required=False,
        empty_label=gettext_lazy("Nobody"),
        help_text=gettext_lazy("Takes over when two updates in a row do not come."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        roles = WHO[Right.LEAD_INCIDENT]
        people = Person.objects.filter(is_active=True, duties__role__in=roles).distinct()
        for field in self.fields.values():
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = people.order_by("last_name", "first_name", "pk")


class Update(forms.Form):
    """How it stands."""

    text = forms.CharField(
        label=gettext_lazy("How does it stand?"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Kept in the timeline with the figures of this moment."),
    )


class Review(forms.Form):
    """What was learnt."""

    text = forms.CharField(
        label=gettext_lazy("What happened, why, and what will be different?"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class Group(forms.ModelChoiceField):  # type: ignore[type-arg] # takes none at run time
    """Groups of exceptions by their titles, which quote what a system said."""

    def label_from_instance(self, obj: Cause) -> str:
        return str(heard(privacy.masked_text(obj.title)))


class Link(forms.Form):
    """What else belongs to it: one of these, or several."""

    cause = Group(queryset=Cause.objects.none(), label=gettext_lazy("Group"), required=False)
    system = forms.ModelChoiceField(
        queryset=System.objects.filter(active=True), label=gettext_lazy("System"), required=False
    )
    reference = forms.CharField(
        label=gettext_lazy("Transaction"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Our reference or the correlation ID."),
    )

    def __init__(self, *args: Any, seen: Scope, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seen = seen
        field = self.fields["cause"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Cause.objects.filter(causes.having(letters_of(seen)))

    def clean_reference(self) -> list[Transaction]:
        """The transactions of that name that the person may see."""
        name = self.cleaned_data["reference"].strip()
        if not name:
            return []
        seen = exposure.transactions(self.seen)
        found = [*seen.filter(reference=name)] or [*seen.filter(correlation_id=name)]
        if not found:
            raise forms.ValidationError(_("There is no such transaction."))
        return found
