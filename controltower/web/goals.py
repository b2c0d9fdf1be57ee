"""What the business wants of a transaction, and whether it has it: a sentence for each process."""

from __future__ import annotations

from django.utils.translation import gettext as _

from controltower.processes import month_end_close, quote_to_cash
from controltower.transactions.protocol import State
from controltower.web.transaction_chain import Chain

GOALS = {
    "time-and-expense-to-billing": "post",
    "opportunity-to-project": "project",
    "time-to-cost-reporting": "record",
    "spend-to-project-cost": "post",
    "resource-master-sync": "resource",
    "customer-master-sync": "choose",
    "facts-to-analytics": "load",
    "facts-to-subscribers": "publish",
    "payroll-to-cost-reporting": "record",
    "project-change-to-forecast": "contract",
    "revenue-recognition": "post",
    "credit-and-rebill": "post",
    "deal-taken-back": "resting",
    "project-workspace": "room",
    "resource-to-revenue": "schedule",
    "absence-to-staffing": "judge",
    "hours-to-payroll": "submit",
}
"""The step by which the business has what it wanted."""


def _plain_goals(reached: bool) -> dict[str, str]:
    """What is said of goals that have no number or money to name."""
    if reached:
        return {
            "facts-to-analytics": _("The warehouse has it."),
            "facts-to-subscribers": _("The event is published."),
            "project-workspace": _("The folder and the channel are there."),
            "project-change-to-forecast": _("The contract value follows the change."),
            "opportunity-to-project": _("The project itself is set up."),
            "resource-master-sync": _("The PSA has the person so."),
            "resource-to-revenue": _("The place is scheduled in the PSA."),
            "absence-to-staffing": _("Every place can still be filled."),
            "hours-to-payroll": _("Payroll has the hours."),
            "revenue-recognition": _("What was delivered is in the ledger."),
            "customer-master-sync": _("Each field has its owner's value."),
            "credit-and-rebill": _("The client has the credit note."),
            "deal-taken-back": _("Nothing rests on the deal."),
        }
    return {
        "facts-to-analytics": _("The warehouse lacks it."),
        "facts-to-subscribers": _("The event is not published yet."),
        "project-workspace": _("The workspace is not complete."),
        "project-change-to-forecast": _("The contract value does not show the change yet."),
        "opportunity-to-project": _("No project has been set up."),
        "resource-master-sync": _("The PSA does not have it so yet."),
        "resource-to-revenue": _("The place is not scheduled."),
        "absence-to-staffing": _("Hours are planned that nobody may be there for."),
        "hours-to-payroll": _("Payroll does not have the hours yet."),
        "revenue-recognition": _("The ledger does not show yet what was delivered."),
        "customer-master-sync": _("The systems may differ about the client until then."),
        "credit-and-rebill": _("The client has no credit note yet."),
        "deal-taken-back": _("What was made of the deal still stands."),
    }


def goal_of(chain: Chain) -> tuple[bool, str]:
    """Whether the business has what it wanted, and a sentence that says so."""
    process = chain.chosen.process
    step = next((one for one in chain.own if one.name == GOALS.get(process)), None)
    reached = step is not None and step.state in {State.VERIFIED, State.ACKED}
    if said := _plain_goals(reached).get(process):
        return reached, said
    number = str(step.values.get("number") or "") if step else ""
    if process == "time-and-expense-to-billing":
        if reached:
            posted = _("The invoice itself is posted as %(number)s.") % {"number": number}
            return True, posted if number else _("The invoice itself is posted.")
        return False, _("It has not been posted.")
    if process == month_end_close.WATCH.name:
        return False, _("It is not done.")
    if process == quote_to_cash.WATCH.name:
        return False, _("It has not arrived.")
    return (True, _("The cost is recorded.")) if reached else (False, _("It is not recorded yet."))
