"""The PSA's door: project shells are written, approved work is read, billing is reported back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Verdict,
)
from integrations.answers import as_agreed
from integrations.budgets import agreed, unsigned
from integrations.certinia import staffing, translate
from integrations.certinia.entities import ENTITIES
from integrations.certinia.needs import NEEDS
from integrations.connector import CallFailed, ChangeFeed, Descriptor, Operation, Verification
from integrations.http import Answer
from integrations.salesforce_platform.changes import quoted
from integrations.salesforce_platform.client import API, API_VERSION, content_of
from integrations.salesforce_platform.connector import OrgConnector
from integrations.salesforce_platform.entity import Entity, encoded, selection
from integrations.salesforce_platform.refusals import complaint_of, judged
from integrations.shape import Drift, Row, amount, at, listed
from integrations.workload import taken

_MOST_PER_COLLECTION = 200
_MOST_COLLECTIONS = 5
_INVOICED = {"pse__Status__c": "Invoiced", "pse__Invoiced__c": True}
_FED = (
    "project", "timecard", "expense", "milestone", "change_order", "assignment", "delivered_month",
)  # fmt: skip
_READ_ALONE = ("budget", "change_order")


class CertiniaConnector(OrgConnector):
    """Certinia in its Salesforce org, polled by SOQL."""

    entities = ENTITIES
    descriptor = Descriptor(
        name="certinia",
        title="Certinia",
        domain="PSA",
        api_version=API_VERSION,
        feeds={name: ChangeFeed.POLL if name in _FED else ChangeFeed.NONE for name in ENTITIES},
        operations=(
            *(Operation(name, "get", Effect.READ) for name in ENTITIES),
            *(
                Operation(name, "upsert", Effect.KEYED)
                for name in (
                    "project",
                    "milestone",
                    "assignment",
                    "staffing_request",
                    "resource",
                    "expense",
                    "billing_event",
                )
            ),
            Operation("revenue_part", "upsert", Effect.KEYED),
            *(
                Operation(name, "update", Effect.IDEMPOTENT)
                for name in ENTITIES
                if name not in _READ_ALONE
            ),
            Operation("budget", "follow_changes", Effect.IDEMPOTENT),
            Operation("billing_event", "mark_invoiced", Effect.IDEMPOTENT),
            Operation("standing", "get", Effect.READ),
            Operation("workload", "get", Effect.READ),
        ),
        verification=Verification.SANDBOX,
        needs=NEEDS,
    )

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """As the platform's; a ``standing`` is what the PSA has of a person, and what still hangs
        on them. Its `ref` is the number, the HR system's id and the e-mail, a line each. A
        ``workload`` are the places of whoever has a number, those aside that are over."""
        if entity == "standing":
            return await self._standing(ref)
        if entity == "workload":
            return await self._workload(ref)
        if entity == "budget":
            return await self._budget(ref, company)
        return await super().get(entity, ref, company)

    async def _budget(self, ref: str, company: str) -> Verdict:
        """With what its approved change orders make of it."""
        found = await super().get("budget", ref, company)
        if not isinstance(found, Done):
            return found
        kind = self.entities["change_order"]
        approved = f"pse__Approved__c = true AND {kind.feed} AND pse__Project__c = {quoted(ref)}"
        rows = await self._select(selection(kind, approved, "Name, Id"))
        orders = as_agreed(lambda: [translate.change_order(row) for row in rows], found.exchange)
        return replace(found, values=agreed(found.values, orders))

    async def _standing(self, ref: str) -> Verdict:
        person = self.entities["resource"]
        rows = await self._select(selection(person, staffing.names(ref), "Id"))
        people = as_agreed(lambda: [staffing.known(row) for row in rows])
        work = dict[str, Any]()
        for kind, (name, condition) in staffing.WORK.items():
            owners = ", ".join(quoted(one["source_id"]) for one in people)
            wanted = f"pse__Resource__c IN ({owners}){condition}"
            found = await self._select(selection(name, wanted, "Id")) if people else []
            work[kind] = as_agreed(partial(staffing.listed, name, found))
        person_id = people[0]["source_id"] if people else ""
        return Done(ref=person_id, outcome=Outcome.READ, values={"people": people, **work})

    async def _workload(self, number: str) -> Verdict:
        kind, over = self.entities["assignment"], ", ".join(map(quoted, sorted(translate.OVER)))
        mine = f"pse__Resource__r.Tower_External_Id__c = {quoted(number)}"
        rows = await self._select(
            selection(kind, f"{mine} AND pse__Status__c NOT IN ({over})", "Id")
        )
        places = as_agreed(lambda: [taken(translate.assignment(row)) for row in rows])
        return Done(ref=number, outcome=Outcome.READ, values={"places": places})

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """As the platform's; ``mark_invoiced`` on a billing event; ``follow_changes`` on a budget:
        the contract value is set to what the change orders make of it, however often."""
        if (entity, action) == ("billing_event", "mark_invoiced"):
            return await self._mark_invoiced(ref, record)
        if (entity, action) == ("budget", "follow_changes"):
            return await self._follow_changes(ref)
        return await super().act(entity, ref, action, record, idempotency_key)

    async def _follow_changes(self, ref: str) -> Verdict:
        try:
            found = await self.get("budget", ref)
        except CallFailed as failure:
            return failure.verdict
        if not isinstance(found, Done):
            return found
        if objection := unsigned(found.values):
            return objection
        fields = {
            "Contract_Value__c": found.values["agreed_value"],
            "pse__End_Date__c": found.values["agreed_end"],
        }
        return await super().act("budget", ref, "update", fields, "")

    async def _mark_invoiced(self, ref: str, record: Mapping[str, Any]) -> Verdict:
        """Invoice number on the billing event and on all its `items` (``kind``, ``ref``).

        One composite call, all or nothing. Beyond a thousand items the vendor wants several: then
        the work goes first and the event last, so that an event is never invoiced while some of
        its work still looks unbilled.
        """
        kind = self.entities["billing_event"]
        fields = {name: value for name, value in record.items() if name != "items"}
        number = fields.get("pse__Invoice_Number__c")
        if not number:
            text = "mark_invoiced needs pse__Invoice_Number__c."
            return Misconfigured(kind=Kind.CONTRACT, text=text)
        billed = [self._billed(item, str(number)) for item in record.get("items") or ()]
        parts = [
            _patch(f"{API}/composite/sobjects", f"items{n}", {"allOrNone": True, "records": some})
            for n, some in enumerate(_chunks(billed, _MOST_PER_COLLECTION))
        ]
        *early, last = [*_chunks(parts, _MOST_COLLECTIONS)] or [[]]
        event = _patch(_address(kind, ref), "event", {**encoded(kind, fields), **_INVOICED})
        verdict: Verdict = Done(ref=ref, outcome=Outcome.UNCHANGED)
        for requests in (*early, [event, *last]):
            verdict = await self._together(requests, ref)
            if not isinstance(verdict, Done):
                return verdict
        return verdict

    async def _together(self, requests: list[dict[str, Any]], ref: str) -> Verdict:
        body = {"allOrNone": True, "compositeRequest": requests}
        answer = await self._client.call("POST", "/composite", body)
        if not isinstance(answer, Answer):
            return answer
        try:
            return _composite_verdict(answer, ref)
        except Drift as drift:
            return drift.doubt(answer.exchange)

    def _billed(self, item: Mapping[str, Any], number: str) -> dict[str, Any]:
        return {
            "attributes": {"type": self.entities[str(item["kind"])].object},
            "id": item["ref"],
            "pse__Billed__c": True,
            "pse__Invoice_Number__c": number,
        }


def _chunks(items: list[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _address(kind: Entity, ref: str) -> str:
    return f"{API}/sobjects/{kind.object}/{quote(ref, safe='')}"


def _patch(url: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"method": "PATCH", "url": url, "referenceId": name, "body": body}


def _composite_verdict(answer: Answer, ref: str) -> Verdict:
    """Done when every part succeeded; the parts that were only rolled back say nothing. Raises
    Drift."""
    entries: list[Row] = []
    for part in listed(content_of(answer), "compositeResponse"):
        body = listed(part, "body") if isinstance(at(part, "body"), list) else []
        if amount(part, "httpStatusCode") >= 300:
            entries += body
        entries += [error for saved in body for error in listed({"errors": [], **saved}, "errors")]
    complaints = [complaint_of(entry) for entry in entries]
    rolled_back = ("PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK")
    causes = [complaint for complaint in complaints if complaint.code not in rolled_back]
    if complaints:
        return judged(causes or complaints, answer, writing=True)
    return Done(ref=ref, outcome=Outcome.UPDATED, exchange=answer.exchange)
