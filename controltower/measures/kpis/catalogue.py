"""The measures. A new one is a reading in a file of this folder and one entry here."""

from __future__ import annotations

from functools import partial

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from controltower.measures.kpis import backlog, connections, kept, pace, repairs
from controltower.measures.kpis.measure import Measure, Unit
from controltower.processes import opportunity_to_project, time_and_expense_to_billing

__all__ = ["MEASURES", "NOT_YET", "named"]

DEAL = opportunity_to_project.PROCESS.name
BILLING = time_and_expense_to_billing.PROCESS.name

MEASURES: tuple[Measure, ...] = (
    Measure(
        name="quote-to-project",
        title=_("Quote-to-project cycle time"),
        definition=_(
            "Median time from the closed deal to the project that stands in the PSA, linked back "
            "in the CRM and read back everywhere. Of what ended in 30 days; true to 4\u00a0%."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=partial(pace.read, process=DEAL),
        records={"process": DEAL, "ended": "all"},
    ),
    Measure(
        name="billing-lag",
        title=_("Billing lag"),
        definition=_(
            "Median time from the billing run to the posted invoice, reported back to the PSA. "
            "Of what ended in 30 days; true to 4\u00a0%."
        ),
        unit=Unit.SECONDS,
        less=True,
        read=partial(pace.read, process=BILLING),
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
        definition=_("Median time of the calls of two hours to all systems, of the whole firm."),
        unit=Unit.SECONDS,
        less=True,
        read=connections.call_time,
    ),
    Measure(
        name="sync-failures",
        title=_("Sync failure rate"),
        definition=_(
            "Share of the calls of two hours that did not get through, of the whole firm. They "
            "are tried again by themselves."
        ),
        unit=Unit.SHARE,
        less=True,
        read=connections.call_failures,
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
    ),
)

NOT_YET: tuple[tuple[str | Promise, str | Promise], ...] = (
    (_("Project set-up time"), _("the project's own step is not told apart day by day yet")),
    (_("Invoice accuracy"), _("no feed of credit notes is read yet")),
    (_("Reconciliation backlog"), _("books are not compared on a schedule yet")),
    (_("Revenue close effort"), _("what people do at the close is not recorded yet")),
    (_("Burn, margin and utilisation"), _("budgets and capacity are not read yet")),
)
"""What the firm wants to know and the tower cannot tell truly yet, and why."""


def named(name: str) -> Measure:
    """The measure of that name. Raises KeyError."""
    return _BY_NAME[name]


_BY_NAME = {measure.name: measure for measure in MEASURES}
