"""The measures. A new one is a reading in a file of this folder and one entry here."""

from __future__ import annotations

from functools import partial

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from controltower.measures.kpis import (
    backlog,
    burn,
    connections,
    kept,
    margin,
    repairs,
    setup,
    span,
    unproven,
    utilisation,
)
from controltower.measures.kpis.measure import Listed, Measure, Unit
from controltower.processes import (
    credit_and_rebill,
    opportunity_to_project,
    revenue_recognition,
    time_and_expense_to_billing,
)

__all__ = ["MEASURES", "NOT_YET", "named"]

DEAL = opportunity_to_project.PROCESS.name
BILLING = time_and_expense_to_billing.PROCESS.name
CREDIT = credit_and_rebill.PROCESS.name
REVENUE = revenue_recognition.PROCESS.name

MEASURES: tuple[Measure, ...] = (
    Measure(
        name="quote-to-project",
        title=_("Quote-to-project cycle time"),
        definition=_(
            "Median time from the deal's closing, as the CRM dates it, to the project that stands "
            "in the PSA, linked back in the CRM and read back everywhere; pauses included. Of what "
            "ended in 30 days; true to 4\u00a0%."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=partial(span.read, process=DEAL),
        records={"process": DEAL, "ended": "all"},
    ),
    Measure(
        name="project-set-up",
        title=_("Project set-up time"),
        definition=_(
            "Median time from the deal's closing, as the CRM dates it, to its project in the PSA, "
            "read back there; pauses included. Of the latest deals that have one."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=partial(setup.read, process=DEAL),
        records={"process": DEAL, "passed": setup.PROJECT},
    ),
    Measure(
        name="billing-lag",
        title=_("Billing lag"),
        definition=_(
            "Median time from the approval of the oldest work on an invoice to the invoice posted "
            "and reported back to the PSA; pauses included. Work is approved when its PSA says so: "
            "one that keeps no such time is taken by the record's last change before it was read. "
            "Of what ended in 30 days; true to 4\u00a0%."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=partial(span.read, process=BILLING),
        records={"process": BILLING, "ended": "all"},
    ),
    Measure(
        name="on-time",
        title=_("On-time share"),
        definition=_(
            "Of all transactions with a promise that were verified in 30 days: those verified "
            "before it ran out."
        ),
        unit=Unit.SHARE,
        less=False,
        read=kept.read,
        records={"ended": "kept"},
    ),
    Measure(
        name="first-pass-yield",
        title=_("First-pass yield"),
        definition=_(
            "Of all transactions that were verified in 30 days: those that never needed a person."
        ),
        unit=Unit.SHARE,
        less=False,
        read=repairs.first_pass,
        records={"passed_by": "itself"},
    ),
    Measure(
        name="failure-rate",
        title=_("Failure rate"),
        definition=_(
            "Of all transactions that were verified in 30 days: those that had needed a person "
            "on the way. The rest of the first-pass yield."
        ),
        unit=Unit.SHARE,
        less=True,
        read=repairs.stuck_share(),
        records={"passed_by": "repair"},
    ),
    Measure(
        name="invoice-exceptions",
        title=_("Invoice exception rate"),
        definition=_(
            "Of all invoices that were posted and verified in 30 days: those that had needed a "
            "person on the way."
        ),
        unit=Unit.SHARE,
        less=True,
        read=repairs.stuck_share(BILLING),
        records={"process": BILLING, "passed_by": "repair"},
    ),
    Measure(
        name="invoice-accuracy",
        title=_("Invoice accuracy"),
        definition=_(
            "One, less the credits for each invoice, of what was verified in 30 days. The list "
            "holds the credits. What somebody credits in the ERP alone is not seen."
        ),
        unit=Unit.SHARE,
        less=False,
        read=partial(kept.spared, process=BILLING, by=CREDIT),
        records={"process": CREDIT, "ended": "all"},
    ),
    Measure(
        name="revenue-close-effort",
        title=_("Revenue close effort"),
        definition=_(
            "Revenue entries that were verified in 30 days and had needed a person on the way. "
            "It counts entries: nobody's hours are recorded."
        ),
        unit=Unit.COUNT,
        less=True,
        read=repairs.repaired(REVENUE),
        records={"process": REVENUE, "passed_by": "repair"},
    ),
    Measure(
        name="margin",
        title=_("Margin on billed time"),
        definition=_(
            "What is left of the billed worth of time once its hours are taken off at their cost "
            "rate. Of the latest billing runs, those that were verified; only time with a cost "
            "rate, before a contract's cap. In whole percents, and to those who do not see pay of "
            "no company with fewer than five people behind it."
        ),
        unit=Unit.SHARE,
        less=False,
        read=partial(margin.read, process=BILLING),
        records={"process": BILLING, "state": "verified", "latest": "1"},
    ),
    Measure(
        name="burn",
        title=_("Burn of fixed-price projects"),
        definition=_(
            "How much of the planned hours or cost is used up, as the PSA measured it for the "
            "newest month of each project; projects weigh what their contracts are worth. Of "
            "the latest measured months; projects that go by milestones are not in it."
        ),
        unit=Unit.SHARE,
        less=True,
        read=partial(burn.read, process=REVENUE),
        records={"process": REVENUE, "latest": "1"},
    ),
    Measure(
        name="recovery-time",
        title=_("Integration recovery time"),
        definition=_(
            "Median time from needing a person to being solved by replay or by itself. Of what "
            "was solved in 30 days; what was solved by hand elsewhere does not count."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=repairs.recovery_time,
        records={"recovered": "30"},
    ),
    Measure(
        name="backlog",
        title=_("Backlog"),
        definition=_(
            "Transactions that wait for a person right now; earlier days are reckoned back from "
            "what came and what was solved since."
        ),
        unit=Unit.COUNT,
        less=True,
        read=backlog.read,
        records={"stuck": "1"},
    ),
    Measure(
        name=unproven.NAME,
        title=_("Reconciliation backlog"),
        definition=_(
            "Value of what was written and is not proven to stand in its target as it was sent: "
            "not read back yet, in doubt, or read back otherwise. Earlier days as they were "
            "written down at their end. What somebody changes in a target later is not seen."
        ),
        unit=Unit.MONEY,
        less=True,
        read=unproven.read,
        records={"unproven": unproven.ANY},
    ),
    Measure(
        name="close-impact",
        title=_("Month-end close impact"),
        definition=_("Value that waits right now for a decision on a closed period."),
        unit=Unit.MONEY,
        less=True,
        read=backlog.close_impact,
        records={"wait": "period_closed"},
    ),
    Measure(
        name="api-latency",
        title=_("API latency"),
        definition=_(
            "Median time of the calls of 30 days to all systems, of the whole firm; true to "
            "4\u00a0%. They are counted by the UTC day; the calls of two days are listed."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=connections.call_time,
        listed=Listed.CALLS,
    ),
    Measure(
        name="sync-failures",
        title=_("Sync failure rate"),
        definition=_(
            "Share of the calls of 30 days that did not get through, of the whole firm. They are "
            "tried again by themselves. They are counted by the UTC day; those of two days are "
            "listed."
        ),
        unit=Unit.SHARE,
        less=True,
        read=connections.call_failures,
        records={"came": "lost"},
        listed=Listed.CALLS,
    ),
    Measure(
        name="freshness",
        title=_("Data freshness"),
        definition=_(
            "How long ago the system that was read longest ago was read, of the whole firm."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=connections.freshness,
        listed=Listed.READINGS,
    ),
    Measure(
        name="utilisation",
        title=_("Utilisation"),
        definition=_(
            "Approved hours of four weeks, billable or not, of the hours that people are employed "
            "for on the working days of their company's calendar. Days off of their own are not "
            "taken off; what is not approved yet is not in it; a week's time counts on its last "
            "day. Of one company: its people on its own projects."
        ),
        unit=Unit.SHARE,
        less=False,
        read=utilisation.read,
        records={"worked": "28"},
    ),
    Measure(
        name="utilisation-freshness",
        title=_("Utilisation data freshness"),
        definition=_(
            "Median time from the end of a week to the first approved time of a person for it, "
            "of the last four whole weeks and whoever was employed in them. A week of which "
            "nothing of a person is here counts as old as it is; time that is here before its "
            "week is over counts as at once."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=utilisation.freshness,
        records={"worked": "28"},
    ),
)

NOT_YET: tuple[tuple[str | Promise, str | Promise], ...] = (
    (
        _("Burn of time and materials"),
        _("what such a project was planned with is not read; of fixed prices it is, above"),
    ),
    (
        _("Margin of a project as a whole"),
        _(
            "labour is told by pay period and cost centre, not by project: set against invoices "
            "by their day it would be wrong"
        ),
    ),
)
"""What the firm wants to know and the tower cannot tell truly yet, and why."""


def named(name: str) -> Measure:
    """The measure of that name. Raises KeyError."""
    return _BY_NAME[name]


_BY_NAME = {measure.name: measure for measure in MEASURES}
