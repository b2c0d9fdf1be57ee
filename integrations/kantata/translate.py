"""The account's records in canonical words.

A record is read together with what it hangs on: its workspace with the values of that one's custom
fields, and who it is of. Amounts come in the currency's minor units, of which the vendor says how
many make one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from controltower.canonical.money import Money
from controltower.canonical.records import (
    Assignment,
    ChangeOrder,
    Expense,
    Project,
    TimeEntry,
)
from integrations.kantata.envelope import identifier
from integrations.shape import (
    Drift,
    Row,
    amount,
    amount_text,
    at,
    day,
    flag,
    object_of,
    of_type,
    required,
    text,
)

ENTITY, CLIENT, CLIENT_NAME = "Legal entity", "CRM account", "CRM account name"
OPPORTUNITY, CORRELATION = "CRM opportunity", "Correlation ID"
OURS = "Tower reference"
DELETED = "deleted"
"""A member of what is left of a record that was deleted (`reading.ended`)."""
ORIGINAL, LIMIT = "Original value", "Change limit"
METHOD, GROUPING = "Billing method", "Billing grouping"
ORDER, REGION = "Purchase order", "Region"
NUMBER, HR = "Employee number", "HR ID"
SCHEDULED, TURNED_DOWN, TENTATIVE = "Scheduled", "Rejected", "Tentative"
_NOTE = "Turned down:"
_APPROVED = "approved"
_AGREED = "completed"
_FOUR_PLACES = Decimal("0.0001")


def project(row: Row) -> Project:
    """A workspace. Raises Drift."""
    return Project(
        source_id=identifier(row, "id"),
        name=text(row, "title"),
        entity=_custom(row, ENTITY),
        customer_id=_custom(row, CLIENT),
        customer_name=_custom(row, CLIENT_NAME),
        opportunity_id=_custom(row, OPPORTUNITY),
        stage="Archived" if flag(row, "archived") else text(row, "status.message"),
        billing_method=_custom(row, METHOD),
        billing_grouping=_custom(row, GROUPING),
        po_number=_custom(row, ORDER),
        region=_custom(row, REGION),
        currency=required(row, "currency"),
        contract_value=money(row, "price_in_cents", row),
        change_limit=Decimal(_figure(row, LIMIT) or 0),
        start_date=day(row, "start_date"),
        end_date=day(row, "due_date"),
        external_id=_custom(row, OURS),
        correlation_id=_custom(row, CORRELATION),
    )


def timecard(row: Row) -> TimeEntry:
    """A time entry: hours of one day. Its amount is the minutes at their rate, to the cent. Raises
    Drift."""
    if row.get(DELETED):
        return TimeEntry(**_ended(row, "TE"))
    currency = required(row, "currency")
    minutes, rate = amount(row, "time_in_minutes"), money(row, "rate_in_cents", row)
    on = day(row, "date_performed")
    return TimeEntry(
        **_fact(row, "TE"),
        **_done_by(row),
        currency=currency,
        amount=Money.of(rate * minutes / 60, currency).amount,
        billable=flag(row, "billable"),
        approved=flag(row, "approved"),
        on=on,
        hours=(minutes / 60).quantize(_FOUR_PLACES, ROUND_HALF_UP),
        rate=rate,
        cost_rate=money(row, "cost_rate_in_cents", row),
        resource_name=text(row, "user.full_name"),
        role=text(row, "role.name"),
        week_start=on and on - timedelta(days=on.weekday()),
    )


def _done_by(row: Row) -> dict[str, Any]:
    """Whose work it is; rows kept from before that was asked for do not say it. Raises Drift."""
    if not row.get("person"):
        return {}
    person = object_of(at(row, "person"))
    return {"resource_number": number_of(person), "employer": _custom(person, ENTITY)}


def expense(row: Row) -> Expense:
    """An expense. It is approved with the report that it was last submitted in, or by itself where
    the workspace asks for no approvals. Raises Drift."""
    if row.get(DELETED):
        return Expense(**_ended(row, "EX"))
    needed = flag(row, "workspace.require_expense_approvals")
    submitted = at(row, "recent_submission") is not None
    approved = submitted and text(row, "recent_submission.status") == _APPROVED
    return Expense(
        **_fact(row, "EX"),
        **_done_by(row),
        currency=required(row, "currency"),
        amount=money(row, "amount_in_cents", row),
        billable=flag(row, "is_billable"),
        approved=approved or not needed,
        on=day(row, "date"),
        resource_name=text(row, "user.full_name"),
        type=text(row, "category"),
    )


def change_order(row: Row) -> ChangeOrder:
    """A deliverable with the tag of change orders: agreed once it is completed. Raises Drift."""
    of = project(object_of(at(row, "workspace")))
    title = required(row, "title")
    return ChangeOrder(
        source_id=identifier(row, "id"),
        name=title,
        number=title.partition(" ")[0],
        entity=of.entity,
        project=of,
        project_id=of.source_id,
        approved=text(row, "state") == _AGREED,
        approved_on=day(row, "updated_at"),
        currency=of.currency,
        amount=money(row, "budget_estimate_in_cents", object_of(at(row, "workspace"))),
        hours=amount(row, "time_estimate_in_minutes") / 60,
        ends_on=day(row, "due_date"),
        reason=text(row, "description"),
    )


def assignment(row: Row) -> Assignment:
    """A place: an allocation of a resource of the workspace. Raises Drift."""
    of, resource = project(object_of(at(row, "workspace"))), object_of(at(row, "resource"))
    note, hours = text(row, "notes"), amount(row, "minutes") / 60
    soft = TURNED_DOWN if note.startswith(_NOTE) else TENTATIVE
    return Assignment(
        source_id=identifier(row, "id"),
        entity=of.entity,
        project=of,
        project_id=of.source_id,
        resource_id=identifier(resource, "user_id"),
        resource_name=text(resource, "full_name"),
        role=text(resource, "role_name"),
        skills=tuple(resource["skills"]),
        status=SCHEDULED if flag(row, "hard") else soft,
        from_date=day(row, "start_date"),
        to_date=day(row, "end_date"),
        hours=hours.quantize(_FOUR_PLACES, ROUND_HALF_UP),
        rate=amount_text(resource, "resource_bill_rate"),
        currency=of.currency,
    )


def place(record: Mapping[str, Any]) -> dict[str, Any]:
    """An allocation's members: a place that was turned down is a soft one whose note says why."""
    fields = {n: v for n, v in record.items() if n not in ("status", "reason", "correlation_id")}
    if "status" in record:
        down = record["status"] == TURNED_DOWN
        about = [f"{_NOTE} {record.get('reason') or ''}".rstrip()] if down else []
        about += [str(record["correlation_id"])] if record.get("correlation_id") else []
        fields |= {"hard": record["status"] == SCHEDULED, "notes": " · ".join(about)}
    return fields


def resource(row: Row) -> dict[str, Any]:
    """A user, by the firm's own number for a person and the HR system's. Raises Drift."""
    role = at(row, "role")
    return {
        "source_id": identifier(row, "id"),
        "name": text(row, "full_name"),
        "number": number_of(row),
        "hr_id": _custom(row, HR),
        "email": text(row, "email_address"),
        "entity": _custom(row, ENTITY),
        "role": text(object_of(role), "name") if role else "",
        "active": not flag(row, "disabled"),
    }


def number_of(row: Row) -> str:
    """The firm's own number of a user. Raises Drift."""
    return _custom(row, NUMBER)


def budget(row: Row) -> dict[str, Any]:
    """What a workspace is worth; its change orders stand beside it. Raises Drift."""
    return {
        "source_id": identifier(row, "id"),
        "name": text(row, "title"),
        "currency": required(row, "currency"),
        "original_value": _figure(row, ORIGINAL),
        "contract_value": money(row, "price_in_cents", row),
        "end_date": day(row, "due_date"),
    }


def revenue_part(row: Row) -> dict[str, Any]:
    """A project accounting record: what a workspace is to earn in a month. Raises Drift."""
    return {
        "source_id": identifier(row, "id"),
        "name": text(row, "description"),
        "project_id": identifier(row, "workspace_id"),
        "period": text(row, "start_date")[:7],
        "amount": amount_text(row, "amount"),
        "currency": required(row, "currency"),
        "correlation_id": text(row, "notes"),
    }


def milestone(row: Row) -> dict[str, Any]:
    """A billing milestone, whose minor units are its currency's. Raises Drift."""
    return {
        "source_id": identifier(row, "id"),
        "name": text(row, "title"),
        "project_id": identifier(row, "workspace_id"),
        "amount": money(row, "amount_in_cents", object_of(at(row, "workspace"))),
        "currency": required(row, "currency"),
        "target_date": day(row, "date_to_invoice"),
    }


def billing_event(row: Row) -> dict[str, Any]:
    """An invoice of the account's own: what was released for billing. Raises Drift."""
    return {
        "source_id": identifier(row, "id"),
        "name": text(row, "title"),
        "amount": money(row, "balance_in_cents", row),
        "currency": required(row, "currency"),
        "invoice_number": text(row, "user_invoice_number"),
        "status": "Draft" if flag(row, "draft") else "Invoiced",
        "date": day(row, "invoice_date"),
    }


def money(row: Row, path: str, currency: Row) -> Decimal:
    """An amount in major units; `currency` says how many minor ones make one. Raises Drift."""
    units = of_type(currency, "currency_base_unit", int)
    if not units or units < 0:
        raise Drift("“currency_base_unit” is no number of units")
    return amount(row, path) / units


def _fact(row: Row, prefix: str) -> dict[str, Any]:
    """What every billable fact carries; the account numbers them by their ids."""
    number = identifier(row, "id")
    of = project(object_of(at(row, "workspace")))
    return {
        "source_id": number,
        "name": f"{prefix}-{number}",
        "number": f"{prefix}-{number}",
        "entity": of.entity,
        "project": of,
        "project_id": of.source_id,
        "billed": flag(row, "is_invoiced"),
    }


def _ended(row: Row, prefix: str) -> dict[str, Any]:
    """Of work that was deleted: nobody approves it any more. What was billed of it is in the
    tower's books. Raises Drift."""
    said = _fact(row, prefix)
    return {**said, "approved": False, "currency": said["project"].currency}


def _figure(row: Row, name: str) -> str:
    """A custom field that holds a number, as text; "" when it has none. Raises Drift."""
    written = _custom(row, name)
    return str(amount_text({name: written}, (name,))) if written else ""


def _custom(row: Row, name: str) -> str:
    """The value of a workspace's custom field, "" when it has none. Raises Drift."""
    values = at(row, "custom")
    if not isinstance(values, Mapping):
        raise Drift("“custom_field_values” are missing")
    return text(values, (name,)) if name in values else ""
