"""The Certinia connector on the pretend org."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.records import TimeEntry
from controltower.canonical.verdicts import Done, Kind, Misconfigured, Rejected
from tests.integrations.conformance import conforming
from tests.integrations.doors import Org
from tests.integrations.subject import Subject
from tests.integrations.test_salesforce import org_connection


class Projects(Subject):
    """Project shells as what is written, approved time as what is read."""

    name = "certinia"
    entity = "project"
    feed = "timecard"
    has_money = True
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("Id", "Name", "Legal_Entity__c", "Contract_Value__c", "pse__Billing_Type__c")
    feed_members = ("pse__Total_Hours__c", "pse__Billable__c", "pse__Project__r", "records")
    row_member = "pse__Total_Hours__c"
    row_operation = "read pse__Timecard__c"
    choices = ("pse__Stage__c", "pse__Billing_Type__c", "Legal_Entity__c", "CurrencyIsoCode")

    def __init__(self, org: Org) -> None:
        super().__init__(org_connection(org), org.control)
        deal = org.control.do("close_deal", entity="LF-UK", amount="50000")
        self.deal = str(deal["opportunity"])
        self._project = ""

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {
            "Name": name,
            "pse__Account__c": CLIENT,
            "pse__Billing_Type__c": "Time and Materials",
            "Legal_Entity__c": "LF-UK",
            "CurrencyIsoCode": "GBP",
            "Contract_Value__c": str(amount),
            "Tower_External_Id__c": tag,
            "Tower_Correlation_Id__c": f"correlation-{tag}",
        }

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"key": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], values["contract_value"]

    async def project(self) -> str:
        """A project to book on."""
        if not self._project:
            done = await self.write("books")
            assert isinstance(done, Done), done
            self._project = done.ref
        return self._project

    async def make_facts(self, count: int) -> list[str]:
        project = await self.project()
        return [
            str(self.control.do("approve_time", project=project, hours="8")["timecard"])
            for _ in range(count)
        ]

    async def touch(self, ref: str) -> None:
        billed = {"pse__Billed__c": True, "pse__Invoice_Number__c": "INV-0001"}
        done = await self.connector.act("timecard", ref, "update", billed, "touch")
        assert isinstance(done, Done), done


CLIENT = "001Tw000000000CIAQ"
"""Quillfeather Mutual: the twelfth client of the pretend firm."""


@conforming(Projects)
class TestCertinia:
    @pytest.fixture
    def subject(self, org: Org) -> Projects:
        return Projects(org)

    async def test_approved_time_carries_its_project(self, subject: Projects) -> None:
        cursor = await subject.drained()
        await subject.make_facts(1)
        page = await subject.connector.read_changes("timecard", cursor, 10)
        (change,) = page.changes
        entry = change.event.record
        assert isinstance(entry, TimeEntry)
        assert entry.project is not None
        assert (entry.project.entity, entry.currency) == ("LF-UK", "GBP")
        assert entry.amount == entry.hours * entry.rate > 0
        assert change.event.correlation_id == "correlation-books"
        assert json.loads(change.raw)["Name"] == entry.number

    async def test_invoicing_marks_the_event_and_its_work(self, subject: Projects) -> None:
        (timecard,) = await subject.make_facts(1)
        event = await self._billing_event(subject, "invoicing")
        items = [{"kind": "timecard", "ref": timecard}]
        record = {"pse__Invoice_Number__c": "LF-UK-0007", "items": items}
        for _ in range(2):
            done = await subject.connector.act(
                "billing_event", event, "mark_invoiced", record, "status"
            )
            assert isinstance(done, Done), done
        read = await subject.connector.get("billing_event", event)
        assert isinstance(read, Done)
        assert (read.values["state"], read.values["invoice_number"]) == ("invoiced", "LF-UK-0007")
        read = await subject.connector.get("timecard", timecard)
        assert isinstance(read, Done)
        assert read.values["billed"] is True

    async def test_invoicing_is_all_or_nothing(self, subject: Projects) -> None:
        event = await self._billing_event(subject, "all-or-nothing")
        missing = [{"kind": "timecard", "ref": "a0TTw00000ZZZZZ"}]
        record = {"pse__Invoice_Number__c": "LF-UK-0008", "items": missing}
        verdict = await subject.connector.act(
            "billing_event", event, "mark_invoiced", record, "status"
        )
        assert isinstance(verdict, Rejected), verdict
        assert verdict.kind is Kind.REFERENCE_MISSING
        read = await subject.connector.get("billing_event", event)
        assert isinstance(read, Done)
        assert read.values["invoiced"] is False

    async def test_invoicing_more_than_one_call_holds(self, subject: Projects) -> None:
        (timecard,) = await subject.make_facts(1)
        event = await self._billing_event(subject, "thousands")
        items = [{"kind": "timecard", "ref": timecard}] * 1201
        record = {"pse__Invoice_Number__c": "LF-UK-0010", "items": items}
        done = await subject.connector.act(
            "billing_event", event, "mark_invoiced", record, "status"
        )
        assert isinstance(done, Done), done
        read = await subject.connector.get("billing_event", event)
        assert isinstance(read, Done)
        assert read.values["invoice_number"] == "LF-UK-0010"

    async def test_an_event_must_be_released_first(self, subject: Projects) -> None:
        event = await self._billing_event(subject, "draft", state="Draft")
        record = {"pse__Invoice_Number__c": "LF-UK-0009"}
        verdict = await subject.connector.act(
            "billing_event", event, "mark_invoiced", record, "status"
        )
        assert isinstance(verdict, Rejected), verdict
        assert (verdict.kind, verdict.fields[0].field) == (Kind.VALIDATION, "pse__Status__c")

    async def test_the_currency_is_the_projects(self, subject: Projects) -> None:
        record = {**await self._event_record(subject), "CurrencyIsoCode": "EUR"}
        verdict = await subject.connector.upsert("billing_event", record, "wrong-currency")
        assert isinstance(verdict, Rejected), verdict
        assert "GBP" in verdict.text

    async def test_what_would_be_refused_is_not_sent(self, subject: Projects) -> None:
        verdict = await subject.connector.upsert("billing_event", {"pse__Amount__c": "1"}, "k")
        assert isinstance(verdict, Rejected), verdict
        assert verdict.exchange is None
        assert {"pse__Account__c", "pse__Project__c"} <= {f.field for f in verdict.fields}

    async def test_an_unknown_verb_is_ours_to_mend(self, subject: Projects) -> None:
        verdict = await subject.connector.act("project", "x", "dance", {}, "k")
        assert isinstance(verdict, Misconfigured)

    async def test_keys_read_page_after_page(self, subject: Projects) -> None:
        done = await subject.write("keys")
        assert isinstance(done, Done)
        now = datetime.now(UTC)
        keys = await subject.connector.keys(
            "project", now - timedelta(minutes=5), now + timedelta(minutes=5)
        )
        (key,) = [key for key in keys if key.key == "keys"]
        assert (key.ref, Decimal(key.amount), key.currency) == (done.ref, subject.amount, "GBP")

    async def _billing_event(self, subject: Projects, tag: str, state: str = "Released") -> str:
        record = {**await self._event_record(subject), "pse__Status__c": state}
        done = await subject.connector.upsert("billing_event", record, tag)
        assert isinstance(done, Done), done
        return done.ref

    async def _event_record(self, subject: Projects) -> dict[str, Any]:
        return {
            "pse__Project__c": await subject.project(),
            "pse__Account__c": CLIENT,
            "pse__Amount__c": "100.00",
            "CurrencyIsoCode": "GBP",
            "pse__Status__c": "Released",
        }

    async def test_a_missing_reference_names_what_was_sent(self, subject: Projects) -> None:
        record = {**await self._event_record(subject), "pse__Project__c": "a0PTw00000ZZZZZ"}
        verdict = await subject.connector.upsert("billing_event", record, "missing-project")
        assert isinstance(verdict, Rejected), verdict
        assert verdict.kind is Kind.REFERENCE_MISSING
        assert "Project “a0PTw00000ZZZZZ”" in verdict.text

    async def test_only_fields_can_be_looked_up_by(self, subject: Projects) -> None:
        for key in ({}, {"Name = 'x' OR Name": "y"}):
            assert isinstance(await subject.connector.find("project", key), Misconfigured)
        found = await subject.connector.find("project", {"Name": "' OR Name != '"})
        assert isinstance(found, Rejected)
        assert found.kind is Kind.NOT_FOUND
