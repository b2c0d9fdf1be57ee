"""The account's clients: groups of workspaces that stand for a company.

The CRM's id of a client is our external reference on its group. A name can be taken only once in an
account, whatever its capitals, so two who make the same group at once end with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import Done, Exchange, Kind, Outcome, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.connector import CallFailed
from integrations.http import Answer
from integrations.kantata.client import KantataClient
from integrations.kantata.custom_fields import CustomFields
from integrations.kantata.envelope import Envelope, identifier
from integrations.kantata.reading import with_values
from integrations.kantata.references import Reference, subjects
from integrations.shape import Row, required, text

CLIENT, NAME = "custom CRM account", "custom CRM account name"
"""The fields of a workspace that say whose it is."""
INVOICED, HOLD = "Invoiced as", "Credit hold"
"""The custom fields of groups that the tower keeps."""
YES, NO = "Yes", "No"
_GROUPS, _GROUP = "workspace_groups", "workspace_group"


class Clients:
    """Those of one account; `service` is the name that our references have there."""

    def __init__(self, client: KantataClient, service: str) -> None:
        self._client = client
        self._service = service
        self._fields = CustomFields(client, "WorkspaceGroup")

    async def get(self, ref: str) -> Verdict:
        """What the account keeps of the client with this id of the CRM. Raises CallFailed."""
        number, exchange = await self._group(ref)
        if not number:
            return _nobody(ref, exchange)
        answer = await self._client.read(f"/{_GROUPS}/{number}", include="custom_field_values")
        if not isinstance(answer, Answer):
            return answer
        return as_agreed(lambda: _found(ref, Envelope.read(answer)), answer.exchange)

    async def update(self, ref: str, record: Mapping[str, Any]) -> Verdict:
        """Set custom fields of a client's group. The vendor replaces the value that a field has,
        so that the same again leaves the same. Raises CallFailed."""
        named = {name: _shown(value) for name, value in record.items()}
        if objection := await self._fields.objection(named):
            return objection
        number, exchange = await self._group(ref)
        if not number:
            return _nobody(ref, exchange)
        values = (await self._fields.encoded(named)).get("custom_fields", {})
        about = {"subject_type": "WorkspaceGroup", "subject_id": number}
        for field, value in values.items():
            body = {"custom_field_value": {**about, "custom_field_id": field, "value": value}}
            answer = await self._client.write("POST", "/custom_field_values", body)
            if not isinstance(answer, Answer):
                return answer
            exchange = answer.exchange
        return Done(ref=ref, outcome=Outcome.UPDATED, exchange=exchange)

    async def belonging(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """The member of a workspace that puts it into its client's group, which is made, or found
        by its name, where nobody has; nothing for a workspace of nobody's. Raises CallFailed."""
        ref = str(record.get(CLIENT) or "")
        if not ref:
            return {}
        number, _ = await self._group(ref)
        name = str(record.get(NAME) or ref)
        number = number or await self._adopted(ref, name) or await self._made(ref, name)
        return {"workspace_group_ids": [number]}

    async def _group(self, ref: str) -> tuple[str, Exchange]:
        """Its number, "" where there is none. Raises CallFailed."""
        numbers, exchange = await subjects(self._client, _GROUP, self._reference(ref))
        if len(numbers) > 1:
            words = f"{len(numbers)} groups stand for the CRM's {ref}: {', '.join(numbers)}."
            raise CallFailed(Rejected(kind=Kind.DUPLICATE, text=words, exchange=exchange))
        return (numbers[0] if numbers else ""), exchange

    async def _adopted(self, ref: str, name: str) -> str:
        """A group of that name that people have made is the client's from now on. Raises
        CallFailed."""
        groups = await self._client.all(_GROUPS)
        number = as_agreed(lambda: _of_name(groups.rows, name), groups.exchange)
        if number:
            fields = {"external_reference": self._reference(ref).fields()}
            await self._written("PUT", f"/{_GROUPS}/{number}", fields)
        return number

    async def _made(self, ref: str, name: str) -> str:
        fields = {"name": name, "company": True}
        reference = {"external_reference": self._reference(ref).fields()}
        return await self._written("POST", f"/{_GROUPS}", {**fields, **reference})

    async def _written(self, method: str, path: str, fields: Mapping[str, Any]) -> str:
        answer = await self._client.write(method, path, {_GROUP: fields})
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        return as_agreed(lambda: identifier(Envelope.read(answer).one(), "id"), answer.exchange)

    def _reference(self, ref: str) -> Reference:
        return Reference(self._service, "client", ref)


def _nobody(ref: str, exchange: Exchange) -> Rejected:
    text = f"Kantata has no client for the CRM's {ref}."
    return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=exchange)


def _found(ref: str, envelope: Envelope) -> Done:
    """Raises Drift."""
    row = with_values(envelope.one(), envelope)
    custom: Row = row["custom"]
    values = {
        "source_id": ref,
        "name": required(row, "name"),
        "invoiced_as": text(custom, (INVOICED,)) if INVOICED in custom else "",
        "credit_hold": HOLD in custom and text(custom, (HOLD,)) == YES,
    }
    return Done(ref=ref, outcome=Outcome.READ, values=values, exchange=envelope.exchange)


def _of_name(rows: tuple[Row, ...], name: str) -> str:
    """Raises Drift."""
    same = [row for row in rows if text(row, "name").casefold() == name.casefold()]
    return identifier(same[0], "id") if same else ""


def _shown(value: Any) -> Any:
    """Yes and no as the account's choices have them."""
    return {True: YES, False: NO}[value] if isinstance(value, bool) else value
