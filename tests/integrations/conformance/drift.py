"""The vendor changes the shape of what it answers: told as ours to mend, never mis-read."""

from __future__ import annotations

import json

from controltower.canonical.verdicts import Done, Kind, Misconfigured, Verdict
from integrations.connector import ChangePage, Unread
from tests.integrations.conformance.needs import fed, in_rows, listing, needs, shaped
from tests.integrations.conformance.verdicts import verdict_of
from tests.integrations.subject import Subject

NEVER_SEEN = "NEVER_SEEN_BEFORE"


def assert_drift(verdict: Verdict | ChangePage, member: str) -> None:
    """A person is told; nothing was taken from the answer."""
    assert isinstance(verdict, Misconfigured), (member, verdict)
    assert verdict.kind is Kind.CONTRACT, (member, verdict)


class Drift:
    """Missing members, other types, new values."""

    @needs(shaped)
    async def test_a_missing_member_is_noticed(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        for member in subject.members:
            subject.control.order("drift", count=2, code="missing", text=member, operation="read")
            verdict = await verdict_of(subject.connector.get(subject.entity, ref))
            subject.control.clear()
            assert_drift(verdict, member)

    @needs(shaped)
    async def test_another_type_is_noticed(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        for member in subject.members:
            subject.control.order("drift", count=2, code="type", text=member, operation="read")
            verdict = await verdict_of(subject.connector.get(subject.entity, ref))
            subject.control.clear()
            assert_drift(verdict, member)

    @needs(listing)
    async def test_a_new_value_is_told_or_refused_never_guessed(
        self, subject: Subject, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        for member in subject.choices:
            subject.control.order("drift", count=2, code="value", text=member, operation="read")
            verdict = await verdict_of(subject.connector.get(subject.entity, ref))
            subject.control.clear()
            if isinstance(verdict, Done):
                assert NEVER_SEEN in map(str, verdict.values.values()), (member, verdict)
            else:
                assert_drift(verdict, member)

    @needs(shaped, fed)
    async def test_a_drifted_feed_moves_no_cursor(self, subject: Subject) -> None:
        cursor = await subject.drained()
        (ref,) = await subject.make_facts(1)
        for member in subject.feed_members:
            subject.control.order("drift", code="missing", text=member, operation="read")
            page = await verdict_of(subject.connector.read_changes(subject.feed, cursor, 500))
            subject.control.clear()
            assert_drift(page, member)
        page = await subject.connector.read_changes(subject.feed, cursor, 500)
        assert ref in [change.event.record.source_id for change in page.changes]

    @needs(in_rows)
    async def test_one_bad_row_is_set_aside_and_the_feed_goes_on(self, subject: Subject) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(3)
        found, aside, has_more = list[str](), list[Unread](), True
        member = subject.row_member
        subject.control.order(
            "drift", count=1, code="missing_last", text=member, operation=subject.row_operation
        )
        while has_more:
            page = await subject.connector.read_changes(subject.feed, cursor, 500)
            found += [change.event.record.source_id for change in page.changes]
            aside += page.aside
            cursor, has_more = page.next_cursor, page.has_more
        (bad,) = aside
        assert member in bad.reason
        assert bad.ref in made
        assert json.loads(bad.raw)
        missing = set(made) - set(found)
        assert len(missing) == 1
        further = await subject.make_facts(1)
        found = [change.event.record.source_id for change in await subject.changes(cursor)]
        assert set(further) <= set(found)
