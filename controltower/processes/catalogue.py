"""The firm's workflows. A new one is a new file and one line here."""

from __future__ import annotations

from controltower.canonical.events import CanonicalEvent
from controltower.processes import (
    facts_to_analytics,
    facts_to_subscribers,
    opportunity_to_project,
    payroll_to_cost_reporting,
    project_change_to_forecast,
    project_workspace,
    quote_to_cash,
    resource_master_sync,
    resource_to_revenue,
    spend_to_project_cost,
    time_and_expense_to_billing,
    time_to_cost_reporting,
)
from controltower.processes.definition import Process, Workflow

__all__ = ["PROCESSES", "WORKFLOWS", "Process", "named", "started_by", "workflow"]

PROCESSES: tuple[Process, ...] = (
    opportunity_to_project.PROCESS,
    time_and_expense_to_billing.PROCESS,
    time_to_cost_reporting.PROCESS,
    spend_to_project_cost.PROCESS,
    resource_master_sync.PROCESS,
    project_change_to_forecast.PROCESS,
    payroll_to_cost_reporting.PROCESS,
    facts_to_analytics.PROCESS,
    facts_to_subscribers.PROCESS,
    project_workspace.PROCESS,
    resource_to_revenue.PROCESS,
)
WORKFLOWS: tuple[Workflow, ...] = (*PROCESSES, quote_to_cash.WATCH)
"""Whatever transactions play: the processes, and the watch over the whole chain."""


def started_by(event: CanonicalEvent) -> Process | None:
    """The process that this event starts or feeds, or None when nobody waits for it."""
    for process in PROCESSES:
        if event.type in process.starts_on and process.accepts(event):
            return process
    return None


def named(name: str) -> Process:
    """The process of that name. Raises KeyError."""
    for process in PROCESSES:
        if process.name == name:
            return process
    raise KeyError(name)


def workflow(name: str) -> Workflow:
    """Whatever a transaction of that name plays, the watch over the whole chain included. Raises
    KeyError."""
    return quote_to_cash.WATCH if name == quote_to_cash.WATCH.name else named(name)
