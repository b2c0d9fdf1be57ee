"""The Kantata connector on the pretend account: the common suite and the vendor's own ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from controltower.canonical.events import PROJECT_SET_UP
from controltower.canonical.records import ChangeOrder, Expense, Project, TimeEntry
from controltower.canonical.verdicts import (
    Exchange,
    FieldError,
    Rejected,
    TryLater,
    Unknown,
    Verdict,
)
from controltower.canonical.wire import from_json, to_json
from controltower.processes.catalogue import is_approved
from integrations import catalogue
from integrations.connector import Change, Connection
from integrations.http import Answer
from integrations.kantata.connector import SLOWEST
from integrations.kantata.entities import ENTITIES
from integrations.kantata.refusals import verdict_of
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "kantata" / "samples"


class Account(Subject):
    """The pretend account, its feed a second behind the clock instead of five minutes."""

    name = "kantata"
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    says_when = False
    has_twins = True
    _home = ""

    def __init__(self, town: Town) -> None:
        options = {"settle_seconds": 1}
        connection = Connection(
            "psa", town.urls[self.name], town.secrets[self.name], options, DEADLINE
        )
        super().__init__(connection, town.controls[self.name])

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"key": tag}

    async def home(self) -> str:
        """A workspace to work on; its id."""
        if not self._home:
            fields = {"title": "Advice", "currency": "USD", "custom Legal entity": "LF-US"}
            self._home = done(await self.connector.upsert("project", fields, "conf-home")).ref
        return self._home

    async def approve(self, deed: str = "approve_time", **wanted: Any) -> str:
        """Let work be approved, or a change be agreed, on a workspace; its id."""
        return str(self.control.do(deed, project=await self.home(), **wanted)["id"])

    async def month(self, tag: str, amount: str) -> dict[str, Any]:
        """What a workspace is to earn in a month, as an accounting record."""
        return {
            "workspace_id": await self.home(), "type": "revenue_forecast", "currency": "USD",
            "start_date": "2026-12-01", "end_date": "2026-12-31", "description": tag,
            "amount": amount,
        }  # fmt: skip

    async def cursor_of(self, entity: str) -> str:
        """Where a feed ends now."""
        cursor, has_more = "", True
        while has_more:
            page = await self.connector.read_changes(entity, cursor, 200)
            cursor, has_more = page.next_cursor, page.has_more
        return cursor

    async def told_of(self, entity: str, cursor: str) -> list[Change]:
        """What another feed than the suite's has to tell after a cursor."""
        return list((await self.connector.read_changes(entity, cursor, 200)).changes)

    def fields(self, collection: str, ref: str, **fields: Any) -> None:
        """Somebody changes a record in the account."""
        self.control.do("change", collection=collection, id=ref, fields=fields)

    async def make_facts(self, count: int) -> list[str]:
        return [await self.approve() for _ in range(count)]

    async def touch(self, ref: str) -> None:
        self.fields("time_entries", ref, notes="Looked at.")


class Workspaces(Account):
    """Workspaces as what is written, time as what is fed."""

    entity = "project"
    feed = "timecard"
    has_money = True
    tells_what_is_gone = True
    members = ("title", "currency", "price_in_cents", "currency_base_unit", "updated_at",
               "custom_field_value_ids", "status")  # fmt: skip
    feed_members = ("subject_id", "created_at", "time_in_minutes", "rate_in_cents", "approved",
                    "workspace_id", "currency", "date_performed")  # fmt: skip
    row_member, row_operation = "time_in_minutes", "read */time_entries"

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {"title": name, "currency": "EUR", "price": str(amount)}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], values["contract_value"]

    async def take_away(self, ref: str) -> None:
        self.fields("time_entries", ref, approved=False)

    async def make_twin(self, ref: str, tag: str) -> str:
        return str(self.control.do("twin", collection="workspaces", id=ref)["id"])


class Milestones(Account):
    """Billing milestones, in minor units on the wire."""

    entity = "milestone"
    has_money = True
    members = ("title", "amount_in_cents", "currency", "currency_base_unit")

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        home = {"workspace_id": self._home, "currency": "USD"}
        return {"title": name, "amount": str(amount), **home}

    async def prepare(self, tag: str) -> None:
        await self.home()

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        await self.home()
        return await super().write(tag, name, amount)

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], values["amount"]

    async def make_twin(self, ref: str, tag: str) -> str:
        return str(self.control.do("twin", collection="billing_milestones", id=ref)["id"])


class Places(Account):
    """Allocations of people to a workspace, fed by listing them."""

    entity = "assignment"
    feed = "assignment"
    has_text = False
    members = ("start_date", "end_date", "minutes", "hard", "workspace_resource_id")
    row_member, row_operation = "minutes", "read */workspace_allocations"
    row_calls = 2
    _user = ""

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        days = {"start_date": "2026-12-01", "end_date": "2026-12-31", "minutes": 4800}
        return {"workspace_id": self._home, "user_id": self._user, **days}

    async def prepare(self, tag: str) -> None:
        """The workspace knows the person already, so that the next call that writes is the
        place's."""
        if self._user:
            return
        await self.home()
        self._user = self.control.books("users")[0]["id"]
        await self.connector.upsert("assignment", self.record(tag, "", self.amount), "conf-first")

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        await self.prepare(tag)
        return await super().write(tag, name, amount)

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return "", values["hours"]

    async def make_facts(self, count: int) -> list[str]:
        return [await self.approve("staff") for _ in range(count)]

    async def touch(self, ref: str) -> None:
        self.fields("workspace_allocations", ref, notes="Looked at.")

    async def make_twin(self, ref: str, tag: str) -> str:
        return str(self.control.do("twin", collection="workspace_allocations", id=ref)["id"])


@conforming(Workspaces)
class TestKantata:
    @pytest.fixture
    def subject(self, town: Town) -> Workspaces:
        return Workspaces(town)

    async def test_a_probe_waits_longer_than_the_vendor_works(self, subject: Workspaces) -> None:
        """A request that we gave up on may still be carried out for three minutes."""
        assert timedelta(minutes=3) < SLOWEST
        writes = [o for o in subject.descriptor().operations if o.verb != "get"]
        assert {operation.quarantine for operation in writes} == {SLOWEST}

    async def test_time_carries_its_project_and_its_price(self, subject: Workspaces) -> None:
        ref = await subject.approve(minutes=100, rate="172.50")
        values = done(await subject.connector.get("timecard", ref)).values
        assert (values["hours"], values["rate"]) == (Decimal("1.6667"), Decimal("172.5"))
        assert (values["amount"], values["currency"]) == (Decimal("287.50"), "USD")
        assert (values["entity"], values["project"]["name"]) == ("LF-US", "Advice")
        assert values["resource_name"] and values["role"]

    async def test_a_project_of_ours_is_told_once(self, subject: Workspaces, tag: str) -> None:
        start = await subject.cursor_of("project")
        ours = {"title": tag, "currency": "USD", "custom Tower reference": f"{tag}-P"}
        ref = done(await subject.connector.upsert("project", ours, tag)).ref
        others = {**ours, "custom Tower reference": ""}
        theirs = done(await subject.connector.upsert("project", others, f"{tag}-2")).ref
        first = await subject.told_of("project", start)
        subject.fields("workspaces", ref, title="Another name", archived=True)
        again = await subject.told_of("project", start)
        assert [one.event.record.source_id for one in first] == [ref] != [theirs]
        assert {one.event.id for one in first} == {one.event.id for one in again}
        project = first[0].event.record
        assert isinstance(project, Project) and project.external_id == f"{tag}-P"
        assert first[0].event.type == PROJECT_SET_UP

    async def test_a_fee_is_billed_beside_the_work(self, subject: Workspaces, tag: str) -> None:
        fee = {"amount": "2500.00", "currency": "USD", "invoice_date": "2026-11-21", "items": []}
        record = {**fee, "workspace_id": await subject.home()}
        made = done(await subject.connector.upsert("billing_event", record, tag))
        values = done(await subject.connector.get("billing_event", made.ref)).values
        assert (values["amount"], values["currency"]) == (Decimal("2500.00"), "USD")

    async def test_an_invoice_of_less_than_its_work_is_refused_in_words(
        self, subject: Workspaces, tag: str
    ) -> None:
        worked = await subject.approve(minutes=60, rate="100.00")
        items = [{"kind": "timecard", "ref": worked}]
        worth = {"items": items, "currency": "USD", "amount": "60.00"}
        record = {**worth, "workspace_id": await subject.home(), "invoice_date": "2026-11-21"}
        refused = await subject.connector.upsert("billing_event", record, tag)
        assert isinstance(refused, Rejected) and "40.00 USD" in refused.text
        assert await subject.connector.check("billing_event", record) == refused
        assert isinstance(await subject.find(tag), Rejected)
        made = await subject.connector.upsert("billing_event", {**record, "amount": "100.00"}, tag)
        values = done(await subject.connector.get("billing_event", done(made).ref)).values
        assert values["amount"] == Decimal("100.00")
        assert any("less than the work" in lack for lack in subject.descriptor().lacks)

    async def test_what_is_not_approved_is_told_as_such_and_once(self, subject: Workspaces) -> None:
        """Drafts change often, and say nothing until they are approved; nothing begins by them."""
        cursor = await subject.drained()
        waiting = await subject.approve(approved=False)
        report = await subject.approve("approve_expense", status="pending")

        async def told(entity: str, ref: str) -> tuple[str, bool]:
            changes = await subject.told_of(entity, cursor)
            (event,) = [c.event for c in changes if c.event.record.source_id == ref]
            return event.id, is_approved(event)

        drafted = await told("timecard", waiting)
        assert not drafted[1] and not (await told("expense", report))[1]
        subject.fields("time_entries", waiting, time_in_minutes=90)
        assert await told("timecard", waiting) == drafted
        subject.fields("time_entries", waiting, approved=True)
        approved = await told("timecard", waiting)
        assert approved[1] and approved[0] != drafted[0]
        subject.fields("time_entries", waiting, approved=False)
        assert await told("timecard", waiting) == drafted

    async def test_what_was_deleted_is_not_approved_any_more(self, subject: Workspaces) -> None:
        cursor = await subject.drained()
        refs = {
            ("timecard", "time_entries"): await subject.approve(),
            ("expense", "expenses"): await subject.approve("approve_expense"),
        }
        for (entity, collection), ref in refs.items():
            subject.control.do("delete", collection=collection, id=ref)
            (change,) = [
                c for c in await subject.told_of(entity, cursor) if c.event.record.source_id == ref
            ]
            told = change.event.record
            assert isinstance(told, TimeEntry | Expense) and not told.approved
            assert told.project and told.project.source_id == await subject.home()
            assert (told.entity, told.currency) == ("LF-US", "USD")
            assert subject.connector.retell(entity, change.raw) == told

    async def test_an_end_that_does_not_say_of_what_is_set_aside(self, subject: Workspaces) -> None:
        """And holds up nothing beside it."""
        cursor = await subject.drained()
        lost, kept = await subject.approve(), await subject.approve()
        subject.fields("time_entries", lost, workspace_id=None)
        subject.control.do("delete", collection="time_entries", id=lost)
        page = await subject.connector.read_changes("timecard", cursor, 200)
        assert kept in [change.event.record.source_id for change in page.changes]
        assert [row.ref for row in page.aside] == [lost]

    async def test_a_rejected_report_and_a_reopened_change_order_are_told(
        self, subject: Workspaces
    ) -> None:
        cursor = await subject.drained()
        refs = {
            "expense": await subject.approve("approve_expense"),
            "change_order": await subject.approve("agree_change", amount="100"),
        }
        (expense,) = [o for o in subject.control.books("expenses") if o["id"] == refs["expense"]]
        report = expense["recent_submission_id"]
        subject.fields("expense_report_submissions", report, status="rejected")
        subject.fields("expenses", refs["expense"], notes="Rejected.")
        subject.fields("stories", refs["change_order"], state="started")
        for entity, ref in refs.items():
            events = [change.event for change in await subject.told_of(entity, cursor)]
            assert [is_approved(e) for e in events if e.record.source_id == ref] == [False], entity

    async def test_what_we_report_back_is_no_new_fact(self, subject: Workspaces) -> None:
        cursor = await subject.drained()
        ref = await subject.approve()
        (before,) = [event for event in await subject.events(cursor) if f":{ref}:" in event]
        subject.fields("time_entries", ref, is_invoiced=True)
        (after,) = [c for c in await subject.changes(cursor) if c.event.record.source_id == ref]
        assert after.event.id == before
        assert isinstance(after.event.record, TimeEntry)
        assert after.event.record.billed

    async def test_an_expense_is_approved_with_its_report(self, subject: Workspaces) -> None:
        ref = await subject.approve("approve_expense", amount="88.40", category="Lodging")
        page = await subject.connector.read_changes("expense", "", 200)
        (found,) = [c.event.record for c in page.changes if c.event.record.source_id == ref]
        assert isinstance(found, Expense)
        assert (found.amount, found.type) == (Decimal("88.4"), "Lodging")

    async def test_an_agreed_change_order_is_a_fact(self, subject: Workspaces) -> None:
        ref = await subject.approve("agree_change", amount="12500.50", hours="80")
        draft = await subject.approve("agree_change", amount="1", state="started")
        page = await subject.connector.read_changes("change_order", "", 200)
        found = {c.event.record.source_id: c.event.record for c in page.changes}
        assert not getattr(found[draft], "approved", True)
        order = found[ref]
        assert isinstance(order, ChangeOrder)
        assert (order.amount, order.hours, order.currency) == (
            Decimal("12500.5"),
            Decimal(80),
            "USD",
        )
        assert order.project and order.project.name == "Advice"

    async def test_a_feed_out_of_reach_goes_on_by_listing(self, subject: Workspaces) -> None:
        """Nine days on, the events are gone; the records themselves are not."""
        made = await subject.make_facts(5)
        subject.control.do("forget")
        assert await subject.changes("") == []
        cursor = f"{(datetime.now(UTC) - timedelta(days=10)).isoformat()}|"
        page = await subject.connector.read_changes("timecard", cursor, 200)
        seen = [change.event.record.source_id for change in page.changes]
        assert set(made) <= set(seen)
        assert len(seen) == len(set(seen))
        assert page.gap
        following = await subject.connector.read_changes("timecard", page.next_cursor, 200)
        assert not following.gap

    async def test_a_choice_must_match_to_the_letter(self, subject: Workspaces, tag: str) -> None:
        fields = {"title": "Advice", "currency": "EUR", "custom Billing grouping": "Fortnight"}
        verdict = await subject.connector.upsert("project", fields, tag)
        assert isinstance(verdict, Rejected), verdict
        assert verdict.text == (
            "“Fortnight” is not one of the choices of “Billing grouping” in the account."
        )
        unknown = await subject.connector.check("project", {**fields, "custom Colour": "red"})
        assert isinstance(unknown, Rejected)

    async def test_work_is_billed_once(self, subject: Workspaces, tag: str) -> None:
        items = [{"kind": "timecard", "ref": await subject.approve(hours="10", rate="200")}]
        items += [{"kind": "expense", "ref": await subject.approve("approve_expense", amount="9")}]
        fields = {
            "workspace_id": await subject.home(), "invoice_date": "2026-11-21", "items": items,
        }  # fmt: skip
        made = done(await subject.connector.upsert("billing_event", fields, tag))
        values = done(await subject.connector.get("billing_event", made.ref)).values
        assert (values["amount"], values["status"]) == (Decimal(2009), "Draft")
        again = await subject.connector.upsert("billing_event", fields, f"{tag}-again")
        assert isinstance(again, Rejected)
        assert "already on an invoice" in again.text
        for _ in range(2):
            number = {"user_invoice_number": "INV-7"}
            done(
                await subject.connector.act("billing_event", made.ref, "mark_invoiced", number, tag)
            )
        values = done(await subject.connector.get("billing_event", made.ref)).values
        assert (values["invoice_number"], values["status"]) == ("INV-7", "Invoiced")

    async def test_the_contract_value_follows_its_change_orders(
        self, subject: Workspaces, tag: str
    ) -> None:
        fields = {"title": "Advice", "currency": "EUR", "price": "1000.00"}
        bare = done(await subject.connector.upsert("project", fields, f"{tag}-bare")).ref
        verdict = await subject.connector.act("budget", bare, "follow_changes", {}, tag)
        assert isinstance(verdict, Rejected)
        assert "has no original value" in verdict.text
        fields |= {"custom Original value": "1000.00", "custom Change limit": "400"}
        subject._home = done(await subject.connector.upsert("project", fields, tag)).ref
        for amount in ("100.50", "-20"):
            await subject.approve("agree_change", amount=amount, ends_on="2027-03-31")
        await subject.approve("agree_change", amount="7", state="started")
        for _ in range(2):
            done(await subject.connector.act("budget", subject._home, "follow_changes", {}, tag))
        found = done(await subject.connector.get("budget", subject._home)).values
        assert found["contract_value"] == found["agreed_value"] == Decimal("1080.50")
        assert (len(found["change_orders"]), found["end_date"]) == (2, date(2027, 3, 31))
        read = done(await subject.connector.get("project", subject._home)).values
        assert read["change_limit"] == Decimal(400)

    async def test_a_month_of_a_forecast_is_brought_up_to_date(
        self, subject: Workspaces, tag: str
    ) -> None:
        """The vendor has no change of an accounting record: another takes its place, once."""
        month = await subject.month(tag, "1000.50")
        ref = done(await subject.connector.upsert("revenue_part", month, tag)).ref

        def kept() -> list[str]:
            books = subject.control.books("project_accounting_records")
            return [str(one["amount"]) for one in books if one["description"] == tag]

        for amount in ("400.25", "0", "1000.50"):
            for _ in range(2):
                record = {**month, "amount": amount}
                verdict = await subject.connector.act("revenue_part", ref, "update", record, tag)
                assert done(verdict).ref == ref
            shown = done(await subject.connector.get("revenue_part", ref)).values
            assert Decimal(shown["amount"]) == Decimal(amount)
            assert list(map(Decimal, kept())) == [Decimal(amount)]

    async def test_a_month_that_was_brought_up_to_date_unheard_is_so_once(
        self, subject: Workspaces, tag: str
    ) -> None:
        """Made, but the answer lost: the next call finds it and takes the earlier one away."""
        month = await subject.month(tag, "10")
        ref = done(await subject.connector.upsert("revenue_part", month, tag)).ref
        changed = {**month, "amount": "20"}
        subject.control.order(
            "server_error", count=1, committed=True, status=504, operation="write"
        )
        lost = await subject.connector.act("revenue_part", ref, "update", changed, tag)
        assert isinstance(lost, Unknown), lost
        done(await subject.connector.act("revenue_part", ref, "update", changed, tag))
        books = subject.control.books("project_accounting_records")
        assert [one["amount"] for one in books if one["description"] == tag] == ["20"]

    async def test_an_answer_after_three_minutes_is_found_by_its_reference(
        self, subject: Workspaces, tag: str
    ) -> None:
        """The vendor's own time-out: an error, and the work done all the same."""
        await subject.prepare(tag)
        subject.control.order(
            "server_error", count=1, committed=True, status=504, operation="write"
        )
        verdict = await subject.write(tag)
        assert not isinstance(verdict, Rejected | TryLater)
        assert done(await subject.find(tag)).values["name"] == "Conformance"


@conforming(Milestones, OF_AN_ENTITY)
class TestMilestones:
    @pytest.fixture
    def subject(self, town: Town) -> Milestones:
        return Milestones(town)


@conforming(Places, OF_AN_ENTITY)
class TestPlaces:
    @pytest.fixture
    def subject(self, town: Town) -> Places:
        return Places(town)

    async def test_a_place_says_who_it_is_for_and_what_it_asks(self, subject: Places) -> None:
        ref = await subject.approve("staff", skills="Interviews, Finance", rate="172.50")
        values = done(await subject.connector.get("assignment", ref)).values
        assert (values["skills"], values["rate"]) == (("Interviews", "Finance"), Decimal("172.50"))
        assert (values["entity"], values["status"]) == ("LF-US", "Tentative")
        person = done(await subject.connector.get("resource", values["resource_id"])).values
        assert person["role"] == values["role"] and person["entity"] == "LF-US"
        assert person["active"] and person["number"].startswith("LF-") and person["hr_id"]

    async def told(self, subject: Places, cursor: str, ref: str) -> list[Change]:
        """What the feed tells of a place; it goes back a second, and may tell of others too."""
        found = await subject.told_of("assignment", cursor)
        return [one for one in found if one.event.record.source_id == ref]

    async def test_an_answer_to_a_place_is_no_new_fact(self, subject: Places, tag: str) -> None:
        cursor = await subject.cursor_of("assignment")
        ref = await subject.approve("staff")
        (told,) = await self.told(subject, cursor, ref)
        answers = {
            "Rejected": {"reason": "Joins later.", "correlation_id": "CT-8"},
            "Scheduled": {"cost_rate": "58.00"},
        }
        for status, more in answers.items():
            for _ in range(2):
                answer = {"status": status, **more}
                done(await subject.connector.act("assignment", ref, "update", answer, tag))
            assert done(await subject.connector.get("assignment", ref)).values["status"] == status
            (again,) = await self.told(subject, cursor, ref)
            assert again.event.id == told.event.id
        (kept,) = [o for o in subject.control.books("workspace_allocations") if o["id"] == ref]
        (resource,) = [
            one
            for one in subject.control.books("workspace_resources")
            if one["id"] == kept["workspace_resource_id"]
        ]
        assert resource["resource_cost_rate"] == "58.00"
        subject.fields("workspace_allocations", ref, end_date="2027-12-31")
        (changed,) = await self.told(subject, cursor, ref)
        assert changed.event.id != told.event.id

    async def test_a_person_is_a_resource_of_a_workspace_once(
        self, subject: Places, tag: str
    ) -> None:
        await subject.prepare(tag)
        before = len(subject.control.books("workspace_resources"))
        for number in range(2):
            place = subject.record(tag, "", Decimal(0))
            done(await subject.connector.upsert("assignment", place, f"{tag}-{number}"))
        assert len(subject.control.books("workspace_resources")) == before


class TestClients:
    @pytest.fixture
    def subject(self, town: Town) -> Workspaces:
        return Workspaces(town)

    def workspace(self, tag: str, name: str) -> dict[str, str]:
        of = {"custom CRM account": f"001{tag}", "custom CRM account name": name}
        return {"title": "Advice", "currency": "USD", **of}

    async def test_a_client_is_a_group_of_its_workspaces(
        self, subject: Workspaces, tag: str
    ) -> None:
        nobody = await subject.connector.get("client", f"001{tag}")
        assert isinstance(nobody, Rejected) and tag in nobody.text
        for number in range(2):
            record = self.workspace(tag, f"Quay {tag}")
            done(await subject.connector.upsert("project", record, f"{tag}-{number}"))
        values = done(await subject.connector.get("client", f"001{tag}")).values
        assert values == {
            "source_id": f"001{tag}", "name": f"Quay {tag}", "invoiced_as": "",
            "credit_hold": False,
        }  # fmt: skip

    async def test_what_others_own_of_a_client_is_kept_on_its_group(
        self, subject: Workspaces, tag: str
    ) -> None:
        standing = {"custom Invoiced as": f"C-7 Quay {tag}", "custom Credit hold": True}
        nobody = await subject.connector.act("client", f"001{tag}", "update", standing, tag)
        assert isinstance(nobody, Rejected)
        record = self.workspace(tag, f"Quay {tag}")
        done(await subject.connector.upsert("project", record, tag))
        for hold in (True, True, False):
            told = {**standing, "custom Credit hold": hold}
            kept = await subject.connector.act("client", f"001{tag}", "update", told, tag)
            values = done(await subject.connector.get("client", done(kept).ref)).values
            assert (values["invoiced_as"], values["credit_hold"]) == (f"C-7 Quay {tag}", hold)
        unknown = {"custom Mood": "good"}
        refused = await subject.connector.act("client", f"001{tag}", "update", unknown, tag)
        assert isinstance(refused, Rejected) and "Mood" in refused.text

    async def test_a_group_that_people_made_becomes_the_clients(
        self, subject: Workspaces, tag: str
    ) -> None:
        subject.control.do("group", name=f"QUAY {tag.upper()}")
        record = self.workspace(tag, f"Quay {tag}")
        done(await subject.connector.upsert("project", record, tag))
        values = done(await subject.connector.get("client", f"001{tag}")).values
        assert values["name"] == f"QUAY {tag.upper()}"

    async def test_a_lost_answer_about_a_group_makes_no_second_one(
        self, subject: Workspaces, tag: str
    ) -> None:
        record = self.workspace(tag, f"Quay {tag}")
        subject.control.order("commit_then_drop", count=1, operation="write */workspace_groups")
        lost = await subject.connector.upsert("project", record, tag)
        assert isinstance(lost, Unknown)
        assert isinstance(await subject.find(tag), Rejected)
        done(await subject.connector.upsert("project", record, tag))
        named = [one["name"] for one in subject.control.books("workspace_groups")]
        assert named.count(f"Quay {tag}") == 1


def test_the_sample_is_read() -> None:
    found = ENTITIES["timecard"].retold((SAMPLES / "time_entry.json").read_bytes())
    assert isinstance(found, TimeEntry)
    assert (found.number, found.amount) == ("TE-4711", Decimal("1380.00"))
    assert found.week_start == date(2026, 11, 16)
    assert from_json(TimeEntry, to_json(found)) == found


def test_a_refusal_is_a_sentence_of_each_complaint() -> None:
    body = (SAMPLES / "refusal.json").read_bytes()
    verdict = verdict_of(Answer(422, CIMultiDict(), body, Exchange()), writing=True)
    assert isinstance(verdict, Rejected)
    assert verdict.text == "Title can't be blank. Currency is not supported."
    assert verdict.fields[0] == FieldError("title", "Title can't be blank")
