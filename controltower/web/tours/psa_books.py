"""What the firm's two PSAs hold: projects, approved work, what was invoiced, what was bought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from controltower.web.tours.comparing import Place
from controltower.web.tours.walk import Door

Row = dict[str, Any]
Held = Iterator[tuple[str, Place, Decimal]]
"""Records by a name that no other PSA's has, whose they are, and their worth."""


class Project(NamedTuple):
    """A project as a PSA keeps it: sold for `original`, since then `changed` by change orders, and
    now worth `contract`."""

    name: str
    deal: str
    place: Place
    original: Decimal
    changed: Decimal
    contract: Decimal


class PsaBooks(Protocol):
    """What is asked of either."""

    def projects(self) -> Iterator[Project]:
        """The tower's."""

    def work(self) -> Held:
        """Approved work that clients pay for."""

    def invoiced(self) -> Held:
        """What it says was invoiced or credited, by the ERP's numbers."""

    def bought(self) -> Held:
        """What its projects carry as bought for them, by our references."""


@dataclass(frozen=True)
class CertiniaBooks:
    """The PSA that lives in the CRM's org."""

    door: Door

    def projects(self) -> Iterator[Project]:
        changes: dict[str, Decimal] = {}
        for row in self.door.books("pse__Budget__c"):
            if row["pse__Approved__c"] and row["pse__Type__c"].endswith("Change Request"):
                _count(changes, row["pse__Project__c"], number(row["pse__Amount__c"]))
        for name, row in self._projects.items():
            if not row["Tower_External_Id__c"]:
                continue
            contract = number(row["Contract_Value__c"])
            original = number(row["Original_Value__c"]) or contract
            changed = changes.get(name, Decimal(0))
            deal = row["pse__Opportunity__c"]
            yield Project(name, deal, self.place_of(name), original, changed, contract)

    def work(self) -> Held:
        for _, name, place, worth in self._work():
            yield name, place, worth

    def invoiced(self) -> Held:
        for row in self.door.books("pse__Billing_Event__c"):
            if row["pse__Invoiced__c"]:
                place = self.place_of(row["pse__Project__c"])
                yield row["pse__Invoice_Number__c"], place, number(row["pse__Amount__c"])
        for row, _, place, _worth in self._work():
            if row.get("Corrects__c") and row["pse__Invoice_Number__c"]:
                credited = number(row["Invoiced_Amount__c"])
                yield row["pse__Invoice_Number__c"], place._replace(month=""), credited

    def bought(self) -> Held:
        for row in self.door.books("pse__Expense__c"):
            if key := row["Tower_External_Id__c"]:
                place = self.place_of(row["pse__Project__c"])
                yield _reference(key), place, number(row["pse__Amount__c"])

    def months(self) -> Held:
        """What was delivered of each fixed price, by project and month."""
        for row in self.door.books("Project_Month__c"):
            project, month = row["pse__Project__c"], row["Period__c"]
            worth = _earned(row, "__c") - _earned(row, "_Before__c")
            yield f"{project} {month}", self.place_of(project, month), worth

    def place_of(self, project: str, month: str = "") -> Place:
        """Whose a project is."""
        row = self._projects[project]
        return Place(row["Legal_Entity__c"], row["CurrencyIsoCode"], month)

    @cached_property
    def _projects(self) -> dict[str, Row]:
        """By their ids, those that somebody has made by hand too."""
        return {row["Id"]: row for row in self.door.books("pse__Proj__c")}

    def _work(self) -> Iterator[tuple[Row, str, Place, Decimal]]:
        """A milestone has no month of its own: it is billed on the day it is approved."""
        for kind, approved, amount, day in (
            ("pse__Timecard__c", "pse__Approved__c", "pse__Total_Billable_Amount__c",
             "pse__End_Date__c"),
            ("pse__Expense__c", "pse__Approved__c", "pse__Amount__c", "pse__Expense_Date__c"),
            ("pse__Milestone__c", "pse__Approved_for_Billing__c", "pse__Milestone_Amount__c", ""),
        ):  # fmt: skip
            for row in self.door.books(kind):
                if row[approved] and row.get("pse__Billable__c", 1):
                    month = str(row[day])[:7] if day else ""
                    place = self.place_of(row["pse__Project__c"], month)
                    yield row, row["Id"], place, number(row[amount])


@dataclass(frozen=True)
class KantataBooks:
    """The PSA of the company that was bought with its own."""

    door: Door

    def projects(self) -> Iterator[Project]:
        changes: dict[str, Decimal] = {}
        for row in self.door.books("stories"):
            if row.get("tag_ids") and row.get("state") == "completed":
                _count(changes, str(row["workspace_id"]), cents(row["budget_estimate_in_cents"]))
        for name, row in self._workspaces.items():
            original, contract = number(row["Original value"]), number(row["price"])
            changed, deal = changes.get(name, Decimal(0)), row["CRM opportunity"]
            yield Project(name, deal, self.place_of(name), original, changed, contract)

    def work(self) -> Held:
        for row in self.door.books("time_entries"):
            if row["approved"] and row["billable"]:
                worth = number(row["rate_in_cents"]) * number(row["time_in_minutes"]) / 60
                place = self.place_of(row["workspace_id"], row["date_performed"][:7])
                yield f"timecard {row['id']}", place, cents(worth)
        reports = self.door.books("expense_report_submissions")
        approved = {row["id"] for row in reports if row["status"] == "approved"}
        for row in self.door.books("expenses"):
            if row.get("recent_submission_id") in approved and row.get("is_billable", True):
                place = self.place_of(row["workspace_id"], row["date"][:7])
                yield f"expense {row['id']}", place, cents(row["amount_in_cents"])

    def invoiced(self) -> Held:
        for row in self.door.books("invoices"):
            if number_ := row.get("user_invoice_number"):
                yield (
                    number_,
                    self.place_of(row["workspace_ids"][0]),
                    cents(row["balance_in_cents"]),
                )

    def bought(self) -> Held:
        expenses = {row["id"]: row for row in self.door.books("expenses")}
        for link in self.door.books("external_references"):
            if link["subject_type"] == "Expense":
                row = expenses[str(link["subject_id"])]
                worth = cents(row["amount_in_cents"])
                place = self.place_of(row["workspace_id"])
                yield _reference(link["service_model_ref"]), place, worth

    def place_of(self, workspace: str, month: str = "") -> Place:
        """Whose a workspace is."""
        row = self._workspaces[str(workspace)]
        return Place(row["Legal entity"], row["currency"], month)

    @cached_property
    def _workspaces(self) -> dict[str, Row]:
        """By their ids, each with its custom fields; clients' groups have some as well."""
        found = {row["id"]: row for row in self.door.books("workspaces")}
        for value in self.door.books("custom_field_values"):
            if value["subject_type"] == "Workspace":
                found[value["subject_id"]][value["custom_field_name"]] = value["display_value"]
        return found


def number(value: Any) -> Decimal:
    """What a vendor's books say, exactly; nothing is zero."""
    return Decimal(str(value or 0))


def cents(minor: Any) -> Decimal:
    """Minor units of the firm's currencies in major ones, half up."""
    return (number(minor) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _count(found: dict[str, Decimal], name: str, worth: Decimal) -> None:
    found[name] = found.get(name, Decimal(0)) + worth


def _reference(key: str) -> str:
    """The transaction that a key is of."""
    return key.partition(".")[0]


def _earned(row: Mapping[str, Any], which: str) -> Decimal:
    """What of a fixed price is earned by then, as its method has it: half up to the cent."""
    value, budget, done = (number(row[f"{name}{which}"]) for name in ("Value", "Budget", "Done"))
    if row["Revenue_Method__c"] == "Milestones":
        return done
    share = value * min(done / budget, Decimal(1)) if budget else Decimal(0)
    return share.quantize(Decimal("0.01"), ROUND_HALF_UP)
