"""The custom fields of workspaces and their groups: names for people, ids for the wire, choices to
the letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controltower.canonical.verdicts import FieldError, Kind, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.kantata.client import KantataClient
from integrations.kantata.envelope import Envelope, identifier
from integrations.shape import required

_ONE_OF = "single"
OURS = "custom "
"""How a target field of a workspace is named that is a custom one: "custom Legal entity"."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """One of them; `choices` by label, None where anything may be written."""

    number: str
    choices: Mapping[str, str] | None


class CustomFields:
    """Read from the account once, and again when a name is not known."""

    def __init__(self, client: KantataClient, subject: str = "Workspace") -> None:
        self._client = client
        self._subject = subject
        self._known: dict[str, CustomField] = {}

    async def objection(self, record: Mapping[str, Any]) -> Verdict | None:
        """Why the account would not take a record's custom fields. Raises CallFailed."""
        for name, value in _custom(record).items():
            known = await self._named(name)
            if known is None:
                return _refusal(name, f"The account has no custom field “{name}”.")
            if value and known.choices is not None and value not in known.choices:
                text = f"“{value}” is not one of the choices of “{name}” in the account."
                return _refusal(name, text)
        return None

    async def encoded(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record without objections, its custom fields by their ids. Raises CallFailed."""
        fields = {name: value for name, value in record.items() if not name.startswith(OURS)}
        custom: dict[str, Any] = {}
        for name, value in _custom(record).items():
            known = await self._named(name)
            if known and value:
                custom[known.number] = value if known.choices is None else [known.choices[value]]
        return {**fields, "custom_fields": custom} if custom else fields

    async def _named(self, name: str) -> CustomField | None:
        if name not in self._known:
            found = await self._client.all(
                "custom_fields", subject_type=self._subject, include="choices"
            )
            self._known = as_agreed(lambda: _by_name(found), found.exchange)
        return self._known.get(name)


def _by_name(found: Envelope) -> dict[str, CustomField]:
    """Raises Drift."""
    fields = {}
    for row in found.rows:
        choices = None
        if required(row, "value_type") == _ONE_OF:
            labelled = found.all_related(row, "choice_ids", "custom_field_choices")
            choices = {required(one, "label"): identifier(one, "id") for one in labelled}
        fields[required(row, "name")] = CustomField(identifier(row, "id"), choices)
    return fields


def _custom(record: Mapping[str, Any]) -> dict[str, str]:
    return {
        name.removeprefix(OURS): "" if value is None else str(value)
        for name, value in record.items()
        if name.startswith(OURS)
    }


def _refusal(name: str, text: str) -> Rejected:
    return Rejected(kind=Kind.VALIDATION, text=text, fields=(FieldError(name, text),))
