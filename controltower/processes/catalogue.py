"""The firm's workflows. A new one is a new file and one line here."""

from __future__ import annotations

from controltower.canonical.events import CanonicalEvent
from controltower.processes import (
    absence_to_staffing,
    credit_and_rebill,
    customer_master_sync,
    deal_taken_back,
    facts_to_analytics,
    facts_to_subscribers,
    hours_to_payroll,
    month_end_close,
    opportunity_to_project,
    payroll_to_cost_reporting,
    project_change_to_forecast,
    project_workspace,
    quote_to_cash,
    resource_master_sync,
    resource_to_revenue,
    revenue_recognition,
    spend_to_project_cost,
    time_and_expense_to_billing,
    time_to_cost_reporting,
)
from controltower.processes.definition import Milestone, Process, Watch, Workflow

__all__ = [
    "PROCESSES",
    "TAKING_BACK",
    "WATCHES",
    "WORKFLOWS",
    "Process",
    "is_approved",
    "named",
    "started_by",
    "watched",
    "workflow",
]

PROCESSES: tuple[Process, ...] = (
    opportunity_to_project.PROCESS,
    time_and_expense_to_billing.PROCESS,
    time_to_cost_reporting.PROCESS,
    spend_to_project_cost.PROCESS,
    resource_master_sync.PROCESS,
    customer_master_sync.PROCESS,
    project_change_to_forecast.PROCESS,
    payroll_to_cost_reporting.PROCESS,
    facts_to_analytics.PROCESS,
    facts_to_subscribers.PROCESS,
    project_workspace.PROCESS,
    resource_to_revenue.PROCESS,
    absence_to_staffing.PROCESS,
    hours_to_payroll.PROCESS,
    revenue_recognition.PROCESS,
    credit_and_rebill.PROCESS,
    deal_taken_back.PROCESS,
)
TAKING_BACK = frozenset({one.taken_back_by for one in PROCESSES if one.taken_back_by})
"""The names of the processes that follow when an approval is taken back."""
WATCHES: tuple[Watch, ...] = (quote_to_cash.WATCH, month_end_close.WATCH)
"""Over the whole chain, and over the end of each month."""
WORKFLOWS: tuple[Workflow, ...] = (*PROCESSES, *WATCHES)
"""Whatever transactions play."""


def started_by(event: CanonicalEvent) -> Process | None:
    """The process that this event starts or feeds, or None when nobody waits for it. What is not
    approved starts nothing."""
    if not is_approved(event):
        return None
    for process in PROCESSES:
        if event.type in process.starts_on and process.accepts(event):
            return process
    return None


def is_approved(event: CanonicalEvent) -> bool:
    """Whether somebody stands for the fact, where its kind needs that: whoever approves work, or
    the client of a deal by having it won."""
    record = event.record
    return bool(getattr(record, "approved", True) and getattr(record, "won", True))


def named(name: str) -> Process:
    """The process of that name. Raises KeyError."""
    for process in PROCESSES:
        if process.name == name:
            return process
    raise KeyError(name)


def workflow(name: str) -> Workflow:
    """Whatever a transaction of that name plays, the watches included. Raises KeyError."""
    return next((watch for watch in WATCHES if watch.name == name), None) or named(name)


def watched(milestone: str) -> tuple[Watch, Milestone]:
    """The milestone of that name, and the watch that stands for its absence. Raises KeyError."""
    for watch in WATCHES:
        for one in watch.milestones:
            if one.name == milestone:
                return watch, one
    raise KeyError(milestone)
