"""The form in which a target is set, in the unit that people think in."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.measures.exposure import reporting_currency
from controltower.measures.kpis.measure import Measure, Unit
from controltower.web.decisions import Reason
from controltower.web.typed_numbers import Amount

PER = {"s": 1, "min": 60, "h": 3600}
MOST = Decimal(10) ** 12


class TargetForm(Reason):
    """A value and, for a length of time, what it is counted in."""

    value = Amount(min_value=Decimal(0), max_value=MOST, decimal_places=2)
    per = forms.ChoiceField(
        label=gettext_lazy("Counted in"),
        choices=[
            ("h", gettext_lazy("hours")),
            ("min", gettext_lazy("minutes")),
            ("s", gettext_lazy("seconds")),
        ],
    )
    field_order = ("value", "per", "reason")

    def __init__(self, measure: Measure, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.measure = measure
        self.fields["value"].label = {
            Unit.SECONDS: _("At most"),
            Unit.SHARE: _("In per cent"),
            Unit.COUNT: _("How many"),
            Unit.MONEY: reporting_currency(),
        }[measure.unit]
        if measure.unit != Unit.SECONDS:
            del self.fields["per"]

    def clean_value(self) -> Decimal:
        """A share is 100 per cent at most."""
        value: Decimal = self.cleaned_data["value"]
        if self.measure.unit == Unit.SHARE and value > 100:
            raise forms.ValidationError(_("A share is 100 % at most."))
        return value

    @property
    def wanted(self) -> Decimal:
        """The target in the unit of the measure's readings. Only when the form is valid."""
        value: Decimal = self.cleaned_data["value"]
        if self.measure.unit == Unit.SECONDS:
            return value * PER[self.cleaned_data["per"]]
        return value / 100 if self.measure.unit == Unit.SHARE else value
