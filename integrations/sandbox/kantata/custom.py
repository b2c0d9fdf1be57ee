"""The custom fields of an account: of workspaces, their groups and users, each kind in a set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.kantata.invalid import Invalid
from integrations.sandbox.kantata.shapes import SHAPES
from integrations.sandbox.store import Document, Store

CHOICES = {
    "Legal entity": tuple(entity.code for entity in ENTITIES),
    "Billing method": ("Time and Materials", "Fixed Price"),
    "Billing grouping": ("Project", "PO", "Contract", "Month"),
    "Credit hold": ("Yes", "No"),
}
TEXTS = (
    "CRM account", "CRM account name", "CRM opportunity", "Purchase order", "Region",
    "Correlation ID", "Original value", "Change limit", "Tower reference",
)  # fmt: skip
FIELDS = {
    "Workspace": ("Legal entity", "Billing method", "Billing grouping", *TEXTS),
    "WorkspaceGroup": ("Invoiced as", "Credit hold"),
    "User": ("Employee number", "HR ID", "Legal entity"),
}
SETS = {subject: str(number) for number, subject in enumerate(FIELDS, start=1)}
"""The custom fields of each kind of records, and the set that they are in."""


class Custom:
    """Fields, their choices and their values, in the store's documents by collection."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def furnish(self) -> None:
        """The fields that the firm has set up."""
        for subject, names in FIELDS.items():
            for name in names:
                self._add(name, SETS[subject])

    def _add(self, name: str, belongs: str) -> None:
        kind = "single" if name in CHOICES else "string"
        about = {"name": name, "value_type": kind, "custom_field_set_id": belongs}
        made = self.store.add("custom_fields", about)
        labels = [
            self.store.add("custom_field_choices", {"label": label, "custom_field_id": made.id})
            for label in CHOICES.get(name, ())
        ]
        self.store.change("custom_fields", made.id, {"choice_ids": [one.id for one in labels]})

    def fill(self, subject: Document, values: Mapping[str, str]) -> None:
        """Values by the names of their fields, choices by their labels, as people fill them in."""
        belongs = SETS[SHAPES[subject.kind].subject]
        for name, value in values.items():
            (field,) = self.store.all("custom_fields", name=name, custom_field_set_id=belongs)
            labelled = self.store.all("custom_field_choices", custom_field_id=field.id, label=value)
            self.set(subject, field.id, [labelled[0].id] if labelled else value)

    def valued(self, given: Mapping[str, Any]) -> Document:
        """A custom field's value in the place of the one before. Raises Invalid."""
        kinds = {shape.subject: kind for kind, shape in SHAPES.items()}
        try:
            subject = self.store.get(kinds[str(given["subject_type"])], str(given["subject_id"]))
        except KeyError:
            raise Invalid("subject_id", "Subject can't be found") from None
        return self.set(subject, str(given["custom_field_id"]), given["value"])

    def set(self, subject: Document, number: str, value: Any) -> Document:
        """A record's value of a field, in the place of the one before. Raises Invalid."""
        try:
            known = self.store.get("custom_fields", number)
        except KeyError:
            raise Invalid("custom_fields", f"there is no custom field {number}") from None
        shown = value
        if known.content["value_type"] == "single":
            labels = {
                one.id: one.content["label"]
                for one in self.store.all("custom_field_choices", custom_field_id=number)
            }
            if not isinstance(value, list) or len(value) != 1 or str(value[0]) not in labels:
                raise Invalid("custom_fields", f"{known.content['name']} has no such choice")
            shown = labels[str(value[0])]
        fields = {
            "subject_type": SHAPES[subject.kind].subject,
            "subject_id": subject.id,
            "value": value,
            "display_value": shown,
            "type": known.content["value_type"],
            "custom_field_id": number,
            "custom_field_name": known.content["name"],
        }
        made = self.store.add("custom_field_values", fields)
        before = self.store.get(subject.kind, subject.id).content
        kept = [
            one
            for one in before.get("custom_field_value_ids", [])
            if self.store.get("custom_field_values", one).content["custom_field_id"] != number
        ]
        self.store.change(subject.kind, subject.id, {"custom_field_value_ids": [*kept, made.id]})
        return made

    def company(self, workspace: Document) -> str:
        """The code of the legal entity that the workspace names, or ""."""
        values = self.store.all(
            "custom_field_values", subject_id=workspace.id, subject_type="Workspace"
        )
        named = {one.content["custom_field_name"]: one.content["display_value"] for one in values}
        return str(named.get("Legal entity", ""))
