"""How the account's records look on the wire, as the vendor's specification of resources has them.

Of each resource only the attributes that somebody uses are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from integrations.sandbox.store import Document

PACIFIC = timezone(timedelta(hours=-8))
"""The vendor writes its own zone's offset."""
_UNDATED = {"roles", "tags", "users", "workspace_groups"}
BASE_UNITS = {"JPY": 1, "KRW": 1}


@dataclass(frozen=True)
class Shape:
    """One resource. `subject` is its name in events and references; `empty` the members that a
    record has before anybody has filled them; `beside` what may be included, by which member."""

    singular: str
    subject: str
    empty: Mapping[str, Any]
    create: frozenset[str] = frozenset()
    update: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    beside: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    observed: bool = False


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _none(text: str, **more: Any) -> dict[str, Any]:
    return {**dict.fromkeys(text.split()), **more}


_WORKSPACE = {"workspace": ("workspace_id", "workspaces")}
_USER = {"user": ("user_id", "users")}
SHAPES: Mapping[str, Shape] = {
    "workspaces": Shape(
        "workspace",
        "Workspace",
        _none(
            "description price price_in_cents start_date due_date",
            archived=False, custom_field_value_ids=[], workspace_group_ids=[], currency="USD",
            require_expense_approvals=True,
            status={"color": "light", "message": "In Progress", "key": 300},
        ),
        _names(
            "title creator_role budgeted description currency price start_date due_date"
            " custom_fields external_reference require_expense_approvals workspace_group_ids"
        ),
        _names("title budgeted description archived price start_date due_date external_reference"),
        ("title", "creator_role"),
        {"custom_field_values": ("custom_field_value_ids", "custom_field_values")},
        observed=True,
    ),
    "workspace_groups": Shape(
        "workspace_group",
        "WorkspaceGroup",
        _none("notes contact_name email", company=False, custom_field_value_ids=[]),
        _names("name company notes contact_name email external_reference"),
        _names("name company notes contact_name email external_reference"),
        ("name",),
        {"custom_field_values": ("custom_field_value_ids", "custom_field_values")},
    ),
    "workspace_resources": Shape(
        "workspace_resource",
        "WorkspaceResource",
        _none("user_id role_id resource_bill_rate resource_cost_rate",
              workspace_resource_skill_ids=[]),
        _names("workspace_id user_id role_id external_reference"),
        _names("user_id role_id cost_rate bill_rate external_reference"),
        ("workspace_id",),
        {
            **_WORKSPACE,
            **_USER,
            "workspace_resource_skills": (
                "workspace_resource_skill_ids", "workspace_resource_skills",
            ),
        },
    ),
    "workspace_resource_skills": Shape(
        "workspace_resource_skill", "WorkspaceResourceSkill", {"level": 1}
    ),
    "workspace_allocations": Shape(
        "workspace_allocation",
        "WorkspaceAllocation",
        _none("notes", hard=False),
        _names("resource_id start_date end_date minutes hard notes external_reference"),
        _names("start_date end_date minutes hard notes external_reference"),
        ("resource_id", "start_date", "end_date", "minutes"),
        {
            **_WORKSPACE,
            "workspace_resource": ("workspace_resource_id", "workspace_resources"),
        },
    ),
    "billing_milestones": Shape(
        "billing_milestone",
        "BillingMilestone",
        _none("date_to_invoice"),
        _names("title date_to_invoice amount_in_cents workspace_id external_reference"),
        _names("title date_to_invoice amount_in_cents external_reference"),
        ("title", "amount_in_cents", "workspace_id"),
        _WORKSPACE,
    ),
    "time_entries": Shape(
        "time_entry",
        "TimeEntry",
        _none("notes role_id invoice_id", billable=True, approved=False, is_invoiced=False),
        beside={**_WORKSPACE, **_USER, "role": ("role_id", "roles")},
        observed=True,
    ),
    "expenses": Shape(
        "expense",
        "Expense",
        _none("notes user_id recent_submission_id", is_billable=True, is_invoiced=False),
        _names(
            "workspace_id date category amount_in_cents notes user_id billable external_reference"
        ),
        required=("workspace_id", "date", "category", "amount_in_cents"),
        beside={
            **_WORKSPACE,
            **_USER,
            "recent_submission": ("recent_submission_id", "expense_report_submissions"),
        },
        observed=True,
    ),
    "stories": Shape(
        "story",
        "Story",
        _none(
            "description due_date start_date", state="not started", story_type="task", tag_ids=[],
            time_estimate_in_minutes=0, budget_estimate_in_cents=0,
        ),
        beside={**_WORKSPACE, "tags": ("tag_ids", "tags")},
        observed=True,
    ),
    "invoices": Shape(
        "invoice",
        "Invoice",
        _none("user_invoice_number message purchase_order", draft=True, status="not sent"),
        _names(
            "time_entry_ids expense_ids workspace_id payment_schedule invoice_date draft message"
            " purchase_order user_invoice_number external_reference additional_items"
        ),
        _names("user_invoice_number draft message purchase_order invoice_date"),
        ("workspace_id", "time_entry_ids", "expense_ids", "payment_schedule"),
    ),
    "project_accounting_records": Shape(
        "project_accounting_record",
        "ProjectAccountingRecord",
        _none("notes description status"),
        _names(
            "workspace_id amount currency start_date end_date type description notes status"
            " external_reference"
        ),
        required=("workspace_id", "currency", "start_date", "end_date", "type"),
        beside=_WORKSPACE,
    ),
    "external_references": Shape("external_reference", "ExternalReference", _none("status")),
    "custom_fields": Shape(
        "custom_field",
        "CustomField",
        {"choice_ids": []},
        beside={"choices": ("choice_ids", "custom_field_choices")},
    ),
    "custom_field_values": Shape(
        "custom_field_value",
        "CustomFieldValue",
        {},
        _names("subject_type subject_id custom_field_id value"),
        required=("subject_type", "subject_id", "custom_field_id", "value"),
    ),
    "custom_field_choices": Shape("custom_field_choice", "CustomFieldChoice", {}),
    "expense_report_submissions": Shape("expense_report_submission", "ExpenseReportSubmission", {}),
    "users": Shape(
        "user",
        "User",
        _none("headline", disabled=False, custom_field_value_ids=[]),
        beside={
            "role": ("role_id", "roles"),
            "custom_field_values": ("custom_field_value_ids", "custom_field_values"),
        },
    ),
    "roles": Shape("role", "Role", {}),
    "tags": Shape("tag", "Tag", {}),
    "subscribed_events": Shape("subscribed_event", "SubscribedEvent", {}),
}  # fmt: skip


def row(document: Document) -> dict[str, Any]:
    """A record as the API gives it."""
    shape = SHAPES[document.kind]
    found = {**shape.empty, **document.content, "id": document.id}
    if document.kind not in _UNDATED:
        found |= {"created_at": stamp(document.created), "updated_at": stamp(document.changed)}
    if document.kind == "project_accounting_records":
        del found["updated_at"]
    if document.kind == "workspaces":
        found |= {"currency_base_unit": base_unit(str(found["currency"]))}
    return found


def base_unit(currency: str) -> int:
    """How many minor units make one."""
    return BASE_UNITS.get(currency, 100)


def stamp(moment: datetime) -> str:
    """A time as it is written on the wire: whole seconds."""
    return moment.astimezone(PACIFIC).isoformat(timespec="seconds")
