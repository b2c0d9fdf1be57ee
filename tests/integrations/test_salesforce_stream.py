"""The org's streams: the common suite, and what is the Pub/Sub API's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from controltower.canonical.verdicts import Done
from integrations import catalogue
from integrations.connector import ChangeFeed, ChangePage, Descriptor
from tests.integrations.conformance import (
    acknowledgement,
    conforming,
    declarations,
    drift,
    feeds,
    hostile,
    secrecy,
)
from tests.integrations.doors import Org
from tests.integrations.subject import Subject
from tests.integrations.test_certinia import Projects
from tests.integrations.test_salesforce import Clients, org_connection

LISTENS = 60
"""Seconds; the pretend org says after a tenth of one that there is nothing to tell."""
REPLAY_ID = "sfdc.platform.eventbus.grpc.subscription.fetch.replayid"
READING = (
    declarations.Declarations,
    feeds.Feeds,
    drift.Drift,
    hostile.Hostile,
    secrecy.Secrecy,
    acknowledgement.Acknowledgement,
)
"""What the way of reading can change; the rest is the polled connector's suite."""


def streamed(url: str, *entities: str, **more: Any) -> dict[str, Any]:
    """The option by which these are streamed."""
    patience = {"wait_seconds": LISTENS, "settle_seconds": LISTENS}
    return {"stream": {"url": url, "entities": entities, **patience, **more}}


class StreamedDeals(Clients):
    """Deals, as the stream tells them."""

    def __init__(self, org: Org) -> None:
        options = streamed(org.stream, "opportunity", insecure=True)
        super().__init__(replace(org_connection(org), options=options), org.control)

    @classmethod
    def descriptor(cls) -> Descriptor:
        return catalogue.descriptor(cls.name, streamed("https://unset.invalid", cls.feed))

    async def read(self, cursor: str) -> tuple[list[ChangePage], str]:
        """The pages to the end of the feed, and the cursor there."""
        pages, has_more = list[ChangePage](), True
        while has_more:
            page = await self.connector.read_changes(self.feed, cursor, 100)
            pages.append(page)
            cursor, has_more = page.next_cursor, page.has_more
        return pages, cursor


@conforming(StreamedDeals, READING)
class TestSalesforceStream:
    @pytest.fixture
    async def subject(self, org: Org) -> AsyncIterator[StreamedDeals]:
        yield StreamedDeals(org)
        org.control.do("bus", order="events")

    async def test_says_which_feeds_are_streamed(self, subject: StreamedDeals) -> None:
        assert subject.connector.descriptor.feeds["opportunity"] is ChangeFeed.STREAM
        assert catalogue.descriptor("salesforce").feeds["opportunity"] is ChangeFeed.POLL

    async def test_both_ways_tell_the_same_fact(self, subject: StreamedDeals, org: Org) -> None:
        polled = Clients(org_connection(org), org.control)
        stood = await polled.drained()
        cursor = await subject.drained()
        made = await subject.make_facts(3)
        by_stream = {one.event.id: one for one in await subject.changes(cursor)}
        by_poll = {one.event.id: one for one in await polled.changes(stood)}
        await polled.connector.close()
        assert {one.event.record.source_id for one in by_stream.values()} >= set(made)
        for name, change in by_stream.items():
            assert by_poll[name] == change

    async def test_what_we_write_back_makes_no_second_fact(self, subject: StreamedDeals) -> None:
        """A deal that we have written to is ours even when it is won no longer: so it is read."""
        before = await subject.drained()
        (ref,) = await subject.make_facts(1)
        known = await subject.events(before)
        cursor = await subject.drained()
        await subject.touch(ref)
        assert set(await subject.events(cursor)) <= set(known)

    async def test_what_no_fact_can_come_of_is_not_read_again(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        (ref,) = await subject.make_facts(1)
        cursor = await subject.drained()
        flag = {"Change_Order__c": "CO-1"}
        done = await subject.connector.act("opportunity", ref, "update", flag, "flag")
        assert isinstance(done, Done), done
        before = org.control.state()["life"]["quota"]["used"]
        pages, after = await subject.read(cursor)
        assert after != cursor
        assert not [page for page in pages if page.changes or page.gap]
        assert org.control.state()["life"]["quota"]["used"] == before

    async def test_a_quiet_stream_moves_its_place(self, subject: StreamedDeals, org: Org) -> None:
        cursor = await subject.drained()
        org.control.do("close_deal", entity="LF-UK")
        org.control.do("bus", order="events")
        page = await subject.connector.read_changes(subject.feed, cursor, 100)
        quiet = await subject.connector.read_changes(subject.feed, page.next_cursor, 100)
        while quiet.has_more:
            quiet = await subject.connector.read_changes(subject.feed, quiet.next_cursor, 100)
        assert not quiet.changes
        assert quiet.next_cursor != cursor

    async def test_more_than_one_request_can_ask_for(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(60)
        page = await subject.connector.read_changes(subject.feed, cursor, 1000)
        found = [change.event.record.source_id for change in page.changes]
        found += [c.event.record.source_id for c in await subject.changes(page.next_cursor)]
        assert set(made) <= set(found)

    async def test_a_change_told_without_its_fields_is_read(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        cursor = await subject.drained()
        org.control.do("bus", order="gaps")
        made = await subject.make_facts(2)
        pages, _cursor = await subject.read(cursor)
        assert not [page for page in pages if page.gap]
        assert set(made) <= {c.event.record.source_id for page in pages for c in page.changes}

    async def test_an_overflow_is_a_gap_and_heals(self, subject: StreamedDeals, org: Org) -> None:
        cursor = await subject.drained()
        org.control.do("bus", order="overflow")
        made = await subject.make_facts(2)
        org.control.do("bus", order="events")
        await self._heals(subject, cursor, made)

    async def test_events_that_cannot_be_read_are_a_gap(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(2)
        org.control.order("garbled", count=1, operation="stream")
        await self._heals(subject, cursor, made)

    @pytest.mark.parametrize("order", ["age", "anew"])
    async def test_a_place_that_is_gone_is_a_gap(
        self, subject: StreamedDeals, org: Org, order: str
    ) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(2)
        org.control.do("bus", order=order)
        made += await subject.make_facts(1)
        await self._heals(subject, cursor, made)

    @pytest.mark.parametrize("code", ["corrupted", "validation.failed"])
    async def test_the_vendors_word_for_a_lost_place(
        self, subject: StreamedDeals, org: Org, code: str
    ) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(1)
        refused = f"{REPLAY_ID}.{code}"
        org.control.order("refuse", count=1, operation="stream", code=refused)
        await self._heals(subject, cursor, made)

    async def _heals(self, subject: StreamedDeals, cursor: str, made: list[str]) -> None:
        """It is told once, nothing is missing, and afterwards the stream goes on."""
        pages, after = await subject.read(cursor)
        assert [page.gap for page in pages].count(True) == 1
        assert not [page.trouble for page in pages if page.trouble]
        assert set(made) <= {c.event.record.source_id for page in pages for c in page.changes}
        further = await subject.make_facts(1)
        pages, _cursor = await subject.read(after)
        assert not [page for page in pages if page.gap or page.trouble]
        assert further == [c.event.record.source_id for page in pages for c in page.changes]

    async def test_a_stream_cut_in_the_middle_goes_on(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(30)
        org.control.order("commit_then_drop", count=2, operation="stream")
        pages, _cursor = await subject.read(cursor)
        found = [change.event.id for page in pages for change in page.changes]
        assert {one.partition(":")[2].partition(":")[0] for one in found} >= set(made)
        assert not [page for page in pages if page.gap]

    async def test_a_stream_that_is_not_there_is_read_by_polling(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        cursor = await subject.drained()
        org.control.order("server_error", operation="stream")
        made = await subject.make_facts(2)
        pages, cursor = await subject.read(cursor)
        assert all("polling" in page.trouble and not page.gap for page in pages)
        assert {c.event.record.source_id for page in pages for c in page.changes} >= set(made)
        org.control.clear()
        made = await subject.make_facts(1)
        pages, _cursor = await subject.read(cursor)
        assert not [page for page in pages if page.gap or page.trouble]
        assert set(made) <= {c.event.record.source_id for page in pages for c in page.changes}

    async def test_an_ended_session_is_renewed_for_the_stream(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(1)
        org.control.order("auth_expired", count=1, operation="stream")
        pages, _cursor = await subject.read(cursor)
        assert not [page for page in pages if page.trouble]
        assert set(made) <= {c.event.record.source_id for page in pages for c in page.changes}

    async def test_an_open_connection_must_be_allowed(
        self, subject: StreamedDeals, org: Org
    ) -> None:
        cursor = await subject.drained()
        for options in (
            streamed(org.stream, "opportunity"),
            streamed("http://example.invalid:7443", "opportunity", insecure=True),
        ):
            async with subject.elsewhere(options=options) as connector:
                page = await connector.read_changes("opportunity", cursor, 10)
            assert "must be https" in page.trouble

    async def test_a_feed_can_change_its_way(self, subject: StreamedDeals, org: Org) -> None:
        polled = Clients(org_connection(org), org.control)
        cursor = await polled.drained()
        made = await subject.make_facts(1)
        pages, cursor = await subject.read(cursor)
        assert not [page for page in pages if page.gap]
        assert set(made) <= {c.event.record.source_id for page in pages for c in page.changes}
        made = await subject.make_facts(1)
        found = await polled.changes(cursor)
        await polled.connector.close()
        assert set(made) <= {change.event.record.source_id for change in found}
        assert json.loads(cursor)["replay_id"]


class TestCertiniaStream:
    """The PSA's objects are told by the same org, over the same session."""

    async def test_approved_time_comes_by_the_stream(self, org: Org) -> None:
        projects = Projects(org)
        await projects.project()
        options = streamed(org.stream, "timecard", "project", insecure=True)
        async with projects.elsewhere(options=options) as connector:
            subject: Subject = projects
            subject.connector, polled = connector, subject.connector
            cursor = await subject.drained()
            made = await subject.make_facts(2)
            found = await subject.changes(cursor)
            await polled.close()
        assert [change.event.record.source_id for change in found] == made
