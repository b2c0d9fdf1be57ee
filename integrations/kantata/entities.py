"""What the account keeps: where, what must be read beside it, and how it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controltower.canonical.events import (
    ASSIGNMENT_CHANGED,
    CHANGE_ORDER_APPROVED,
    EXPENSE_APPROVED,
    PROJECT_SET_UP,
    TIMESHEET_APPROVED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.canonical.records import Assignment, BillableFact, ChangeOrder, Project, Record
from controltower.canonical.verdicts import Done, Exchange, Outcome
from integrations import exact_json
from integrations.connector import Change, Key
from integrations.kantata import translate
from integrations.kantata.envelope import identifier
from integrations.places import Place
from integrations.shape import Drift, Row, moment, object_of

CHANGE_ORDER_TAG = "Change order"
NOT_APPROVED = "not-approved"
BEYOND, _FEE = "beyond", "Fee"
"""A record's member for what is billed beside tracked work, and what the vendor shows of it."""
_OF_WORKSPACE = {"workspace": ("workspace_id", "workspaces")}
Fact = BillableFact | ChangeOrder | Project | Assignment
_PLAIN: Callable[[Mapping[str, Any]], dict[str, Any]] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity. `links` are read beside it: the name to include, the member that names the other
    record, and the collection that holds it; `lists` are collections of several. `subject_type` is
    the feed's name of it, "" where it has no events, and `tag` the one it must have. `encode` makes
    the vendor's fields of a record to be created; `asks` is what else must be read of it. `stamp`
    says when it was changed, or made where it never changes. With `ends` its being deleted is a
    fact."""

    collection: str
    singular: str
    translate: Callable[[Row], Record | dict[str, Any]]
    links: Mapping[str, tuple[str, str]] = field(default_factory=lambda: _OF_WORKSPACE)
    lists: tuple[str, ...] = ()
    subject_type: str = ""
    event_type: str = ""
    tag: str = ""
    encode: Callable[[Mapping[str, Any]], dict[str, Any]] = _PLAIN
    required: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    stamp: str = "updated_at"
    ends: bool = False

    @property
    def query(self) -> dict[str, str]:
        """What to ask for beside the records themselves."""
        names = ",".join((*self.links, *self.lists))
        return {"include": names} if names else {}

    def found(self, row: Row, exchange: Exchange) -> Done:
        """What was read, in canonical words. Raises Drift."""
        record = self.translate(row)
        return Done(
            ref=identifier(row, "id"),
            outcome=Outcome.READ,
            version=self.version(row),
            values=record.as_dict() if isinstance(record, Record) else record,
            exchange=exchange,
        )

    def key(self, row: Row) -> Key:
        """What reconciliation compares. Raises Drift."""
        record = self.translate(row)
        said = record.as_dict() if isinstance(record, Record) else record
        worth = said.get("amount", said.get("contract_value", ""))
        return Key(
            ref=identifier(row, "id"),
            key=str(said.get("number") or said.get("name") or identifier(row, "id")),
            version=self.version(row),
            amount=str(worth),
            currency=str(said.get("currency", "")),
        )

    def change(self, name: str, source: str, row: Row) -> Change | None:
        """The fact in a row: work, a change order, a project of ours; None while it is none. What
        is not approved is told as such, for it may have been. Raises Drift."""
        record = self.translate(row)
        if isinstance(record, Project):
            known = bool(record.external_id)
        elif isinstance(record, Assignment):
            known = bool(record.resource_id)
        else:
            known = isinstance(record, BillableFact | ChangeOrder)
        if not known or not isinstance(record, Fact):
            return None
        project = record if isinstance(record, Project) else record.project
        event = CanonicalEvent(
            id=f"{name}:{record.source_id}:{_digest(record)}",
            type=self.event_type,
            source=f"{source}/{name}",
            subject=f"{name}:{record.source_id}",
            time=moment(row, self.stamp),
            version=self.version(row),
            record=record,
            keys=_keys(record),
            correlation_id=project.correlation_id if project else "",
        )
        return Change(raw=exact_json.encode(row).encode(), event=event)

    def version(self, row: Row) -> str:
        """Orders what the account said of one record. Raises Drift."""
        return moment(row, self.stamp).isoformat(timespec="seconds")

    def place(self, row: Row) -> Place:
        """Where it stands among those listed by that stamp. Raises Drift."""
        return Place(moment(row, self.stamp), identifier(row, "id"))

    def retold(self, raw: bytes) -> Record | None:
        """What the bytes of a change mean. Raises Drift."""
        record = self.translate(object_of(exact_json.decode(raw)))
        return record if isinstance(record, Record) else None


def _digest(record: Fact) -> str:
    """Of what a fact says: neither its project, nor when it was touched, nor what became of it is
    part of that, such as the answer to a place; of a change order the terms that it may be refused
    for are. A project is set up once, whatever becomes of it; and what is not approved says no more
    than that, so that a draft is told of once."""
    if isinstance(record, Project):
        return hashlib.blake2b(record.external_id.encode(), digest_size=8).hexdigest()
    if isinstance(record, BillableFact | ChangeOrder) and not record.approved:
        return NOT_APPROVED
    aside = dict.fromkeys(("project", "billed", "invoice_number", "approved_on"))
    terms = dict[str, Any]()
    if isinstance(record, Assignment):
        terms = {"status": None}
    if isinstance(record, ChangeOrder) and record.project:
        terms = {"stage": record.project.stage, "limit": record.project.change_limit}
    said = exact_json.encode({**record.as_dict(), **aside, **terms}).encode()
    return hashlib.blake2b(said, digest_size=8).hexdigest()


def _keys(record: Fact) -> tuple[BusinessKey, ...]:
    if isinstance(record, Project):
        return (BusinessKey("project", record.source_id),)
    if isinstance(record, Assignment):
        place = BusinessKey("assignment", record.source_id)
        return place, BusinessKey("project", record.project_id)
    kind = "change order" if isinstance(record, ChangeOrder) else "approved work"
    return BusinessKey(kind, record.number), BusinessKey("project", record.project_id)


def _in_cents(record: Mapping[str, Any]) -> dict[str, Any]:
    """The amount as the vendor takes it; the currency is the workspace's."""
    fields = dict(record)
    fields["amount_in_cents"] = _minor(fields.pop("amount", ""), fields.pop("currency", ""))
    return fields


def _invoice(record: Mapping[str, Any]) -> dict[str, Any]:
    """A draft of these items; it is no invoice to anybody before it has its number. What is billed
    beyond them, such as a monthly fee, is an additional item."""
    aside = {"items", "amount", "currency", BEYOND}
    fields = {name: value for name, value in record.items() if name not in aside}
    if beyond := record.get(BEYOND):
        worth = _minor(beyond, record.get("currency"))
        fields["additional_items"] = [{"notes": _FEE, "amount_in_cents": worth}]
    items = record.get("items") or ()
    for kind, member in (("timecard", "time_entry_ids"), ("expense", "expense_ids")):
        fields[member] = [item["ref"] for item in items if item["kind"] == kind]
    return {"draft": True, "payment_schedule": "30", **fields}


def _minor(amount: Any, currency: Any) -> int | str:
    """In minor units; what is no amount goes as it is, for the vendor to refuse."""
    try:
        return Money.of(str(amount), str(currency)).minor
    except (NotAnAmount, UnknownCurrency):
        return str(amount)


def _maven(record: Mapping[str, Any]) -> dict[str, Any]:
    """We are the provider of the workspace, not its client."""
    given = {name: value for name, value in record.items() if value not in (None, "")}
    return {"creator_role": "maven", "budgeted": True, **given}


_PEOPLE = {"user": ("user_id", "users")}
ENTITIES: Mapping[str, Entity] = {
    "project": Entity(
        collection="workspaces",
        singular="workspace",
        translate=translate.project,
        links={},
        lists=("custom_field_values",),
        subject_type="Workspace",
        event_type=PROJECT_SET_UP,
        encode=_maven,
        required=("title", "currency"),
    ),
    "milestone": Entity(
        collection="billing_milestones",
        singular="billing_milestone",
        translate=translate.milestone,
        encode=_in_cents,
        required=("title", "workspace_id", "amount", "currency"),
    ),
    "timecard": Entity(
        collection="time_entries",
        singular="time_entry",
        translate=translate.timecard,
        links={**_OF_WORKSPACE, **_PEOPLE, "role": ("role_id", "roles")},
        subject_type="TimeEntry",
        event_type=TIMESHEET_APPROVED,
        asks=("people",),
        ends=True,
    ),
    "expense": Entity(
        collection="expenses",
        singular="expense",
        translate=translate.expense,
        links={
            **_OF_WORKSPACE,
            **_PEOPLE,
            "recent_submission": ("recent_submission_id", "expense_report_submissions"),
        },
        subject_type="Expense",
        event_type=EXPENSE_APPROVED,
        encode=_in_cents,
        required=("workspace_id", "date", "category", "amount", "currency"),
        asks=("people",),
        ends=True,
    ),
    "change_order": Entity(
        collection="stories",
        singular="story",
        translate=translate.change_order,
        subject_type="Story",
        event_type=CHANGE_ORDER_APPROVED,
        lists=("tags",),
        tag=CHANGE_ORDER_TAG,
    ),
    "assignment": Entity(
        collection="workspace_allocations",
        singular="workspace_allocation",
        translate=translate.assignment,
        event_type=ASSIGNMENT_CHANGED,
        encode=translate.place,
        required=("workspace_id", "user_id", "start_date", "end_date", "minutes"),
        asks=("skills",),
    ),
    "billing_event": Entity(
        collection="invoices",
        singular="invoice",
        translate=translate.billing_event,
        links={},
        encode=_invoice,
        required=("workspace_id", "invoice_date", "items"),
    ),
    "budget": Entity(
        collection="workspaces",
        singular="workspace",
        translate=translate.budget,
        links={},
        lists=("custom_field_values",),
    ),
    "revenue_part": Entity(
        collection="project_accounting_records",
        singular="project_accounting_record",
        translate=translate.revenue_part,
        required=("workspace_id", "type", "start_date", "end_date", "amount", "currency"),
        stamp="created_at",
    ),
}


def is_tagged(kind: Entity, tags: list[Row]) -> bool:
    """Whether a record with these tags is one of the entity's. Raises Drift."""
    names = [tag.get("name") for tag in tags]
    if not all(isinstance(name, str) for name in names):
        raise Drift("“name” of a tag is of another type")
    return not kind.tag or kind.tag in names
