"""What a measure's figures ask of the list of transactions, like those of a process."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from controltower.measures import closing
from controltower.measures.exposure import Scope
from controltower.measures.kpis import backlog, repairs, unproven, utilisation
from controltower.measures.promises import first_day
from controltower.transactions.models import WaitKind
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.web.process_filters import ProcessFilters, within_process

ITSELF, REPAIR, LATELY, FOUR_WEEKS = "itself", "repair", "30", "28"


class MeasureFilters(ProcessFilters):
    """The part of the query string that comes with a measure's link."""

    passed_by = forms.ChoiceField(
        label=_("Verified in 30 days"),
        required=False,
        choices=[
            ("", _("Any")),
            (ITSELF, _("at the first pass")),
            (REPAIR, _("had needed a person")),
        ],
    )
    recovered = forms.ChoiceField(
        label=_("Recovered"), required=False, choices=[("", _("Any")), (LATELY, _("in 30 days"))]
    )
    wait = forms.ChoiceField(
        label=_("Waits for"),
        required=False,
        choices=[("", _("Anything")), (WaitKind.PERIOD_CLOSED, _("a closed period"))],
    )
    month = forms.ChoiceField(label=_("Accounting month"), required=False)
    moved_by = forms.ChoiceField(
        label=_("Of a month, not done"),
        required=False,
        choices=[
            ("", _("Any")),
            (closing.PERSON, _("needs someone")),
            (closing.DOOR, _("waits for a system")),
            (closing.RUN, _("waits for its billing run")),
            (closing.OWN, _("on its way")),
        ],
    )
    unproven = forms.ChoiceField(
        label=_("Written, not proven"),
        required=False,
        choices=[
            ("", _("Any")),
            (unproven.ANY, _("since whenever")),
            *((age, label) for age, (label, _below) in unproven.AGES.items()),
        ],
    )
    worked = forms.ChoiceField(
        label=_("Approved time"),
        required=False,
        choices=[("", _("Any")), (FOUR_WEEKS, _("of four weeks"))],
    )
    brought = (
        *ProcessFilters.brought,
        "passed_by", "recovered", "wait", "month", "moved_by", "unproven", "worked",
    )  # fmt: skip

    def offer(self, query: QueryDict, seen: Scope) -> None:
        """A month is whatever the link says: one that nothing belongs to lists nothing."""
        super().offer(query, seen)
        if month := self.fields.get("month"):
            assert isinstance(month, forms.ChoiceField)
            asked = str(query.get("month", ""))[:7]
            month.choices = [("", _("Any")), (asked, asked)]


def within_measure(
    rows: TransactionQuerySet, given: dict[str, Any], seen: Scope, now: datetime
) -> TransactionQuerySet:
    """Those of the rows that the filters of measures and processes leave."""
    since = first_day(now, seen.person.zone)
    if how := given.get("passed_by"):
        rows = repairs.verified(rows, since, clean=how == ITSELF)
    if given.get("recovered"):
        rows = repairs.recovered(rows, since)
    if given.get("wait"):
        rows = backlog.held_by_period(rows)
    if month := given.get("month"):
        rows = rows.filter(month=month)
    if mover := given.get("moved_by"):
        rows = closing.moved(rows, mover)
    if age := given.get("unproven"):
        rows = unproven.held(rows, now, age)
    if given.get("worked"):
        rows = utilisation.behind(rows, seen, now)
    return within_process(rows, given, seen, now)
