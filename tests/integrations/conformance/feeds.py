"""The change feed, of whichever kind: nothing is lost, nothing comes twice under two names."""

from __future__ import annotations

from datetime import UTC, datetime

from controltower.processes.catalogue import is_approved
from tests.integrations.conformance.needs import fed, needs, retained, retold, taken_away
from tests.integrations.conformance.verdicts import verdict_of
from tests.integrations.subject import Subject


class Feeds:
    """Pages, cursors, gaps, identities."""

    @needs(fed)
    async def test_loses_nothing_at_equal_stamps(self, subject: Subject) -> None:
        """What a poll reads again, for what may have come late, is no new fact."""
        cursor = await subject.drained()
        made = await subject.make_facts(5)
        seen: list[str] = []
        ids: set[str] = set()
        has_more = True
        while has_more:
            page = await subject.connector.read_changes(subject.feed, cursor, 2)
            seen += [change.event.record.source_id for change in page.changes]
            cursor, has_more = page.next_cursor, page.has_more
            ids |= {change.event.id for change in page.changes}
            await subject.connector.ack([change.event.id for change in page.changes])
        assert sorted(ref for ref in seen if ref in made) == sorted(made)
        assert set(await subject.events(cursor)) <= ids

    @needs(fed)
    async def test_pages_are_bounded(self, subject: Subject) -> None:
        cursor = await subject.drained()
        await subject.make_facts(3)
        page = await subject.connector.read_changes(subject.feed, cursor, 2)
        assert len(page.changes) <= 2
        assert page.has_more
        assert page.next_cursor

    @needs(fed)
    async def test_an_interrupted_reading_goes_on_where_it_was(self, subject: Subject) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(3)
        first = await subject.connector.read_changes(subject.feed, cursor, 2)
        seen = [change.event.record.source_id for change in first.changes]
        await subject.connector.ack([change.event.id for change in first.changes])
        subject.control.order("server_error", count=2, operation="read")
        await verdict_of(subject.connector.read_changes(subject.feed, first.next_cursor, 2))
        subject.control.clear()
        seen += [c.event.record.source_id for c in await subject.taken(first.next_cursor)]
        assert set(made) <= set(seen)

    @needs(retold)
    async def test_read_again_it_is_the_same_fact(self, subject: Subject) -> None:
        cursor = await subject.drained()
        await subject.make_facts(2)
        assert await subject.events(cursor) == await subject.events(cursor)

    @needs(retold)
    async def test_an_unchanged_fact_keeps_its_event_id(self, subject: Subject) -> None:
        cursor = await subject.drained()
        (ref,) = await subject.make_facts(1)
        first = await subject.events(cursor)
        await subject.touch(ref)
        assert [event for event in first if ref in event]
        assert await subject.events(cursor) == first

    @needs(taken_away)
    async def test_a_fact_that_holds_no_longer_is_told_as_such(self, subject: Subject) -> None:
        gone, stays = await subject.make_facts(2)
        before, cursor = set(await subject.events("")), await subject.drained()
        await subject.take_away(gone)
        told = [c.event for c in await subject.changes(cursor) if c.event.id not in before]
        assert [event.record.source_id for event in told] == [gone]
        assert not is_approved(told[0])
        assert stays not in told[0].subject

    @needs(retold)
    async def test_an_unreadable_cursor_is_a_gap(self, subject: Subject) -> None:
        await subject.make_facts(1)
        for cursor in ("garbage", '{"stamp": 7}\x00', "9" * 400):
            page = await subject.connector.read_changes(subject.feed, cursor, 500)
            assert page.gap, cursor
            again = await subject.connector.read_changes(subject.feed, page.next_cursor, 500)
            assert not again.gap

    @needs(fed)
    async def test_a_fresh_cursor_is_no_gap(self, subject: Subject) -> None:
        page = await subject.connector.read_changes(subject.feed, "", 500)
        assert not page.gap
        assert isinstance(page.next_cursor, str)

    @needs(fed)
    async def test_each_fact_says_what_who_and_when(self, subject: Subject) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(2)
        changes = await subject.taken(cursor)
        assert {change.event.record.source_id for change in changes} >= set(made)
        for change in changes:
            event = change.event
            assert change.raw and event.id and event.type and event.source and event.subject
            assert event.time.tzinfo is not None
            assert event.time.astimezone(UTC) <= datetime.now(UTC)
            assert event.keys

    @needs(fed)
    async def test_the_bytes_tell_the_fact_again(self, subject: Subject) -> None:
        cursor = await subject.drained()
        await subject.make_facts(1)
        for change in await subject.changes(cursor):
            retold = subject.connector.retell(subject.feed, change.raw)
            assert retold is None or retold == change.event.record

    @needs(retained)
    async def test_says_until_when_nothing_is_lost(self, subject: Subject) -> None:
        page = await subject.connector.read_changes(subject.feed, "", 10)
        assert page.expires_at is not None
        assert page.expires_at > datetime.now(UTC)
