"""The Salesforce connector on the pretend org: the common suite and the vendor's own ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.verdicts import Done, Kind, Rejected, TryLater
from integrations.connector import Connection
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import CLIENT_ID, CLIENT_SECRET, Org
from tests.integrations.subject import DEADLINE, Subject


def org_connection(org: Org) -> Connection:
    """Signed in to the pretend org."""
    secrets = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return Connection("crm", org.url, secrets, deadline=DEADLINE)


class Clients(Subject):
    """Accounts as what is written, deals as what is read."""

    name = "salesforce"
    entity = "customer"
    feed = "opportunity"
    has_twins = True
    tells_what_is_gone = True
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("Id", "Name", "Legal_Entity__c", "CurrencyIsoCode", "SystemModstamp", "Strategic__c")
    feed_members = ("Amount", "CurrencyIsoCode", "StageName", "CloseDate", "Account", "records")
    row_member = "Amount"
    row_operation = "read Opportunity"
    choices = ("Legal_Entity__c", "CurrencyIsoCode")

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {
            "Name": name,
            "CurrencyIsoCode": "GBP",
            "Legal_Entity__c": "LF-UK",
            "Tower_External_Id__c": tag,
        }

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"external_id": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], self.amount

    async def make_twin(self, ref: str, tag: str) -> str:
        return str(self.control.do("duplicate_external_id", object="Account", id=ref)["id"])

    async def make_facts(self, count: int) -> list[str]:
        """Won in one transaction where the vendor allows it, so that all carry one stamp."""
        return [
            str(self.control.do("close_deal", entity="LF-UK", amount="1000.10")["opportunity"])
            for _ in range(count)
        ]

    async def touch(self, ref: str) -> None:
        links = {"ERP_Customer_Code__c": "C-00000001", "Tower_Correlation_Id__c": "touched"}
        done = await self.connector.act("opportunity", ref, "update", links, "touch")
        assert isinstance(done, Done), done

    async def take_away(self, ref: str) -> None:
        self.control.do("delete", object="Opportunity", id=ref)


@conforming(Clients)
class TestSalesforce:
    @pytest.fixture
    def subject(self, org: Org) -> Subject:
        return Clients(org_connection(org), org.control)

    async def test_an_id_of_fifteen_signs_is_the_same_record(
        self, subject: Subject, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        short = done(await subject.connector.get(subject.entity, ref[:15]))
        assert (len(ref), short.ref) == (18, ref[:15])
        assert short.values == done(await subject.connector.get(subject.entity, ref)).values

    async def test_several_matches_are_not_chosen_between(self, subject: Subject, org: Org) -> None:
        done = await subject.write("twins")
        assert isinstance(done, Done)
        twin = org.control.do("duplicate_external_id", object="Account", id=done.ref)["id"]
        verdict = await subject.write("twins")
        assert isinstance(verdict, Rejected), verdict
        assert verdict.kind is Kind.DUPLICATE
        assert done.ref in verdict.text
        assert twin in verdict.text
        found = await subject.find("twins")
        assert isinstance(found, Rejected)
        assert found.kind is Kind.DUPLICATE

    async def test_a_spent_quota_is_not_a_refusal(self, subject: Subject, org: Org) -> None:
        await subject.connector.health()
        org.control.order("quota", count=1)
        verdict = await subject.write("quota")
        assert isinstance(verdict, TryLater), verdict
        assert verdict.kind is Kind.RATE_LIMITED
        assert verdict.after is not None
        quota = subject.connector.rate_limit()
        assert quota.used == quota.limit
        await subject.connector.health()
        assert (subject.connector.rate_limit().share or 1) < 0.5

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("UNABLE_TO_LOCK_ROW", Kind.TRANSIENT),
            ("DUPLICATE_VALUE", Kind.DUPLICATE),
            ("ENTITY_IS_LOCKED", Kind.CONFLICT),
            ("INVALID_CROSS_REFERENCE_KEY", Kind.REFERENCE_MISSING),
            ("INVALID_FIELD", Kind.CONTRACT),
            ("INSUFFICIENT_ACCESS_OR_READONLY", Kind.PERMISSION),
            ("A_CODE_OF_NEXT_YEAR", Kind.VALIDATION),
        ],
    )
    async def test_codes_have_meanings(
        self, subject: Subject, org: Org, code: str, kind: Kind
    ) -> None:
        org.control.order("refuse", count=1, code=code, text="Because.", operation="write")
        verdict = await subject.write("codes")
        assert getattr(verdict, "kind", None) is kind, verdict

    async def test_a_locked_record_is_a_conflict(self, subject: Subject, org: Org) -> None:
        done = await subject.write("locked")
        assert isinstance(done, Done)
        org.control.do("lock", id=done.ref)
        verdict = await subject.write("locked")
        assert isinstance(verdict, Rejected)
        assert verdict.kind is Kind.CONFLICT
        org.control.do("lock", id=done.ref, held=False)
        assert isinstance(await subject.write("locked"), Done)

    async def test_dirty_deals_are_read_as_they_are(self, subject: Subject, org: Org) -> None:
        nowhere = org.control.do("dirty", kind="no_entity")["opportunity"]
        foreign = org.control.do("dirty", kind="unknown_currency")["opportunity"]
        for ref, shown in ((nowhere, ("entity", "")), (foreign, ("currency", "ARS"))):
            read = await subject.connector.get("opportunity", ref)
            assert isinstance(read, Done)
            assert read.values[shown[0]] == shown[1]

    async def test_the_relations_of_a_client(self, subject: Subject, org: Org) -> None:
        """Who is above it, level by level, and who may be the same."""
        mail = "office@relations.example"
        group = org.control.do("open_client", Name="Group", Billing_Contact_Email__c=mail)
        parent = org.control.do("open_client", Name="Parent", ParentId=group["client"])
        given = {"ParentId": parent["client"], "Billing_Contact_Email__c": mail}
        child = org.control.do("open_client", Name="100% of_it", **given)["client"]
        verdict = await subject.connector.get("relations", child)
        assert isinstance(verdict, Done), verdict
        assert [one["name"] for one in verdict.values["line"]] == ["Parent", "Group"]
        assert [one["source_id"] for one in verdict.values["alike"]] == [group["client"]]
        plain = await subject.connector.get("customer", child)
        assert isinstance(plain, Done)
        assert "line" not in plain.values
        org.control.do("change", object="Account", id=child, fields={"Billed_By_Parent__c": True})
        paid_for = await subject.connector.get("customer", child)
        assert isinstance(paid_for, Done)
        assert [one["name"] for one in paid_for.values["line"]] == ["Parent", "Group"]
        new = {"source_id": "", "name": "New", "city": "", "vat_number": "", "contact_email": mail}
        found = await subject.connector.find("relations", new)
        assert isinstance(found, Done)
        assert {one["source_id"] for one in found.values["alike"]} == {group["client"], child}

    async def test_a_deal_is_dated_by_when_it_was_closed(self, subject: Subject, org: Org) -> None:
        """And not by when somebody last touched it; what is deleted, by its deletion."""
        (ref,) = await subject.make_facts(1)

        async def told() -> CanonicalEvent:
            events = [change.event for change in await subject.changes("")]
            return [one for one in events if one.record.source_id == ref][-1]

        closed = await told()
        assert closed.time == datetime.fromisoformat(closed.version)
        org.control.do("change", object="Opportunity", id=ref, fields={"Amount": 12})
        changed = await told()
        assert (changed.time, changed.version > closed.version) == (closed.time, True)
        org.control.do("delete", object="Opportunity", id=ref)
        assert (await told()).time > closed.time

    async def test_what_becomes_of_a_won_deal_is_told(self, subject: Subject, org: Org) -> None:
        """Re-opened once we have written to it, deleted, restored; an open deal is nobody's."""
        (ref,) = await subject.make_facts(1)
        cursor = await subject.drained()

        async def told() -> list[tuple[str, bool]]:
            deals = [change.event.record for change in await subject.changes(cursor)]
            return [(deal.stage, deal.won) for deal in deals if deal.source_id == ref]  # type: ignore[attr-defined]

        def shown_as(stage: str) -> None:
            fields = {"StageName": stage}
            org.control.do("change", object="Opportunity", id=ref, fields=fields)

        shown_as("Proposal")
        assert await told() == []
        await subject.touch(ref)
        assert await told() == [("Proposal", False)]
        org.control.do("delete", object="Opportunity", id=ref)
        assert await told() == [("Deleted", False)]
        org.control.do("undelete", object="Opportunity", id=ref)
        shown_as("Closed Won")
        assert await told() == [("Closed Won", True)]

    async def test_a_merged_client_leads_to_who_is_left(self, subject: Subject, org: Org) -> None:
        fields = {"ERP_Customer_Code__c": "C-77"}
        left, gone, lone = (
            str(org.control.do("open_client", Name=name, **fields)["client"])
            for name in ("Left AG", "Gone AG", "Lone AG")
        )
        connector = subject.connector
        cursor = (await connector.read_changes("customer", "", 500)).next_cursor
        org.control.do("merge", object="Account", id=left, gone=gone)
        org.control.do("delete", object="Account", id=lone)
        page = await connector.read_changes("customer", cursor, 500)
        told = {one.event.record.source_id: one.event.record.as_dict() for one in page.changes}
        assert (told[gone]["deleted"], told[gone]["merged_into"]) == (True, left)
        assert (told[lone]["deleted"], told[lone]["merged_into"]) == (True, "")
        for entity in ("customer", "relations"):
            found = done(await connector.get(entity, gone)).values
            assert [one["name"] for one in found["line"]] == ["Left AG"]
        assert done(await connector.get("relations", lone)).values["deleted"]
        refused = await connector.get("customer", lone)
        assert isinstance(refused, Rejected)
        assert (refused.kind, "Lone AG was deleted" in refused.text) == (Kind.NOT_FOUND, True)
