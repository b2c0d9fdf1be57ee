"""The pretend account's records: what people and callers do to them, and the events of that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.sandbox.days import today
from integrations.sandbox.firm import PEOPLE, RATE_CARDS, ROLES
from integrations.sandbox.kantata import money, staffing
from integrations.sandbox.kantata.custom import Custom
from integrations.sandbox.kantata.invalid import Invalid
from integrations.sandbox.kantata.shapes import SHAPES, stamp
from integrations.sandbox.store import Document, Store

CHANGE_ORDER = "Change order"


class Account:
    """All records of one account, in the store's documents by collection."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.custom = Custom(store)

    def furnish(self) -> None:
        """People, roles, the tag of change orders, and the custom fields of workspaces."""
        for role in ROLES:
            self.store.add("roles", {"name": role})
        numbers = {one.content["name"]: one.id for one in self.store.all("roles")}
        self.store.add("tags", {"name": CHANGE_ORDER})
        self.custom.furnish()
        for number, person in enumerate(PEOPLE, start=1):
            fields = {"full_name": person.name, "email_address": person.email}
            user = self.store.add("users", {**fields, "role_id": numbers[person.role]})
            self.custom.fill(user, staffing.known(number, person))

    def create(self, collection: str, given: Mapping[str, Any]) -> Document:
        """A record as a caller asks for it, with its reference. Raises Invalid."""
        shape = SHAPES[collection]
        for name in given.keys() - shape.create:
            raise Invalid(name, f"{name} cannot be set on a {shape.singular}")
        for name in shape.required:
            if given.get(name) in (None, ""):
                raise Invalid(name, f"{name.replace('_', ' ').capitalize()} can't be blank")
        fields = dict(given)
        if collection == "custom_field_values":
            return self.custom.valued(fields)
        reference = fields.pop("external_reference", None)
        custom = fields.pop("custom_fields", {})
        made = self._add(collection, self._completed(collection, fields))
        if collection == "invoices":
            self._invoiced(made)
        for number, value in custom.items():
            self.custom.set(made, str(number), value)
        if reference:
            self.refer(made, reference)
        return self.store.get(collection, made.id)

    def update(self, collection: str, number: str, given: Mapping[str, Any]) -> Document:
        """Set members of a record as a caller asks. Raises Invalid, KeyError."""
        shape = SHAPES[collection]
        for name in given.keys() - shape.update:
            raise Invalid(name, f"{name} cannot be changed on a {shape.singular}")
        before, fields = self.store.get(collection, number), dict(given)
        if reference := fields.pop("external_reference", None):
            self.refer(before, reference)
        if collection == "workspace_groups":
            self._check_name(str(fields.get("name", "")), but=number)
        if collection == "workspace_resources":
            rates = {"bill_rate", "cost_rate"} & fields.keys()
            fields |= {f"resource_{name}": fields.pop(name) for name in rates}
        return self.change(collection, number, self._priced(before.content, fields))

    def change(self, collection: str, number: str, fields: Mapping[str, Any]) -> Document:
        """Somebody sets members in the account itself. Raises KeyError."""
        changed = self.store.change(collection, number, fields)
        self._tell(changed, "updated")
        return changed

    def delete(self, last: Document) -> Document:
        """Somebody deletes a record: its last event says what it was."""
        self._tell(last, "deleted", previous_payload=dict(last.content))
        self.store.remove(last.kind, last.id)
        return last

    def refer(self, subject: Document, reference: Mapping[str, Any]) -> None:
        """Keep an external reference to a record."""
        about = {"subject_type": SHAPES[subject.kind].subject, "subject_id": subject.id}
        self.store.add("external_references", {**reference, **about})

    def approve_time(self, workspace: Document, wanted: Mapping[str, Any]) -> Document:
        """An approved time entry of somebody of the workspace's company: `hours` (or `minutes`),
        `rate`, `billable`, `on`, `approved`."""
        currency = str(workspace.content["currency"])
        person = self._person(workspace)
        role = self.store.get("roles", str(person.content["role_id"]))
        card = RATE_CARDS.get(currency, RATE_CARDS["USD"])[str(role.content["name"])]
        minutes = wanted.get("minutes") or Decimal(str(wanted.get("hours", "8"))) * 60
        rate = Decimal(str(wanted.get("rate", card.bill)))
        fields = {
            "workspace_id": workspace.id,
            "user_id": person.id,
            "role_id": role.id,
            "date_performed": str(wanted.get("on") or today(self.custom.company(workspace))),
            "time_in_minutes": int(minutes),
            "rate_in_cents": money.minor(rate, currency),
            "cost_rate_in_cents": money.minor(card.cost, currency),
            "billable": wanted.get("billable", True) in (True, "true"),
            "approved": wanted.get("approved", True) in (True, "true"),
        }
        return self._add("time_entries", {**fields, **money.of(currency)})

    def approve_expense(self, workspace: Document, wanted: Mapping[str, Any]) -> Document:
        """An expense on an approved report: `amount`, `category`, `on`, `status`."""
        currency = str(workspace.content["currency"])
        person = self._person(workspace)
        report = {
            "workspace_id": workspace.id,
            "user_id": person.id,
            "status": str(wanted.get("status", "approved")),
        }
        submitted = self.store.add("expense_report_submissions", report)
        fields = {
            "workspace_id": workspace.id,
            "user_id": person.id,
            "date": str(wanted.get("on") or today(self.custom.company(workspace))),
            "category": str(wanted.get("category", "Travel")),
            "amount_in_cents": money.minor(Decimal(str(wanted.get("amount", "120.00"))), currency),
            "recent_submission_id": submitted.id,
        }
        return self._add("expenses", {**fields, **money.of(currency)})

    def agree_change(self, workspace: Document, wanted: Mapping[str, Any]) -> Document:
        """A change order that both sides have agreed: `amount`, `hours`, `ends_on`, `state`."""
        currency = str(workspace.content["currency"])
        number = self.store.next_number("change order")
        (tag,) = self.store.all("tags", name=CHANGE_ORDER)
        fields = {
            "workspace_id": workspace.id,
            "title": str(wanted.get("title") or f"CO-{number:04d} Further scope"),
            "story_type": "deliverable",
            "tag_ids": [tag.id],
            "state": str(wanted.get("state", "completed")),
            "budget_estimate_in_cents": money.minor(
                Decimal(str(wanted.get("amount", 0))), currency
            ),
            "time_estimate_in_minutes": int(Decimal(str(wanted.get("hours", 0))) * 60),
            "due_date": wanted.get("ends_on"),
        }
        return self._add("stories", fields)

    def staff(self, workspace: Document, wanted: Mapping[str, Any]) -> Document:
        """Somebody of the workspace's company is allocated to it: `person` (a user's id), `role`,
        `rate`, `from`, `to`, `hours`, `hard`, `skills`."""
        named = str(wanted.get("person") or "")
        user = self.store.get("users", named) if named else self._person(workspace)
        role = self.store.get("roles", str(user.content["role_id"]))
        if wanted.get("role"):
            (role,) = self.store.all("roles", name=str(wanted["role"]))
        day = today(self.custom.company(workspace))
        place = staffing.wanted_place(str(role.content["name"]), day, wanted)
        about = {"workspace_id": workspace.id, "user_id": user.id, "role_id": role.id}
        resource = self._add("workspace_resources", self._completed("workspace_resources", about))
        skills = [
            self.store.add(
                "workspace_resource_skills",
                {"cached_skill_name": skill, "workspace_resource_id": resource.id},
            ).id
            for skill in place.pop("skills")
        ]
        rate = {"resource_bill_rate": str(wanted["rate"])} if wanted.get("rate") else {}
        fields = {"workspace_resource_skill_ids": skills, **rate}
        self.store.change("workspace_resources", resource.id, fields)
        made = staffing.allocated(self.store, {**place, "resource_id": resource.id})
        return self._add("workspace_allocations", made)

    def _completed(self, collection: str, fields: dict[str, Any]) -> dict[str, Any]:
        """What the account adds to a new record by itself. Raises Invalid."""
        if collection == "workspaces":
            del fields["creator_role"]
            return self._priced({}, {"currency": "USD", **fields})
        if collection == "workspace_groups":
            self._check_name(str(fields["name"]))
            return fields
        if collection == "workspace_allocations":
            return staffing.allocated(self.store, fields)
        workspace = self._workspace(str(fields["workspace_id"]))
        currency = str(workspace.content["currency"])
        if collection == "project_accounting_records":
            return fields
        if collection == "workspace_resources":
            return staffing.resourced(self.store, workspace, fields)
        if collection in {"billing_milestones", "expenses"}:
            if not isinstance(fields["amount_in_cents"], int):
                raise Invalid("amount_in_cents", "Amount in cents is not a number")
            billable = {"is_billable": fields.pop("billable")} if "billable" in fields else {}
            base = {} if collection == "billing_milestones" else money.of(currency)
            return {**fields, "currency": currency, **base, **billable}
        billed = self._billed(fields)
        number = self.store.next_number("invoice title")
        return {
            **{name: value for name, value in fields.items() if name != "workspace_id"},
            "workspace_ids": [workspace.id],
            "title": f"Draft Invoice #{number}",
            "balance_in_cents": sum(money.worth(one) for one in billed) + self._added(fields),
            **money.of(currency),
        }

    @staticmethod
    def _added(fields: dict[str, Any]) -> int:
        """What is billed beside tracked work, in minor units. Raises Invalid."""
        items = fields.pop("additional_items", ())
        if not all(isinstance(one.get("amount_in_cents"), int) for one in items):
            raise Invalid("additional_items", "Amount in cents is not a number")
        return sum(one["amount_in_cents"] for one in items)

    def _priced(self, before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The price in minor units beside what was given. Raises Invalid."""
        if given.get("price") is None:
            return dict(given)
        currency = str(given.get("currency") or before.get("currency"))
        try:
            price = Decimal(str(given["price"]))
        except InvalidOperation:
            raise Invalid("price", "Price is not a number") from None
        return {
            **given,
            "price": str(given["price"]),
            "price_in_cents": money.minor(price, currency),
        }

    def _billed(self, fields: Mapping[str, Any]) -> list[Document]:
        """The work that an invoice is to be made of. Raises Invalid."""
        found = []
        for member, kind in (("time_entry_ids", "time_entries"), ("expense_ids", "expenses")):
            for number in fields[member]:
                try:
                    one = self.store.get(kind, str(number))
                except KeyError:
                    raise Invalid(member, f"{kind} {number} cannot be found") from None
                if one.content.get("is_invoiced"):
                    raise Invalid(member, f"{kind} {number} is already on an invoice")
                found.append(one)
        return found

    def _invoiced(self, invoice: Document) -> None:
        for number in invoice.content["time_entry_ids"]:
            fields = {"is_invoiced": True, "invoice_id": invoice.id}
            self.change("time_entries", str(number), fields)
        for number in invoice.content["expense_ids"]:
            self.change("expenses", str(number), {"is_invoiced": True})

    def _check_name(self, name: str, but: str = "") -> None:
        """A name of a group is taken once, whatever its capitals. Raises Invalid."""
        for one in self.store.all("workspace_groups"):
            if one.id != but and str(one.content["name"]).casefold() == name.casefold():
                raise Invalid("name", "Name has already been taken")

    def _workspace(self, number: str) -> Document:
        try:
            return self.store.get("workspaces", number)
        except KeyError:
            raise Invalid("workspace_id", f"there is no workspace {number}") from None

    def _person(self, workspace: Document) -> Document:
        """Somebody of the workspace's company, else anybody."""
        names = [one.name for one in PEOPLE if one.entity == self.custom.company(workspace)]
        people = self.store.all("users")
        return next((one for one in people if one.content["full_name"] in names), people[0])

    def _add(self, collection: str, fields: Mapping[str, Any]) -> Document:
        made = self.store.add(collection, fields)
        self._tell(made, "created")
        return made

    def _tell(self, subject: Document, what: str, **beside: Any) -> None:
        """An event, and every third time the same one twice."""
        shape = SHAPES[subject.kind]
        if not shape.observed:
            return
        event = {
            "event_type": f"{shape.singular}:{what}",
            "subject_type": shape.subject,
            "subject_id": subject.id,
            "subject_changed_at": stamp(subject.changed),
            "current_payload": {"id": subject.id},
            **beside,
        }
        first = self.store.add("subscribed_events", event)
        if int(first.id) % 3 == 0:
            self.store.add("subscribed_events", event)


def days_ago(days: float) -> datetime:
    """That long before now."""
    return datetime.now(UTC) - timedelta(days=days)
