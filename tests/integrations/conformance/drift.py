"""The vendor changes the shape of what it answers: told as ours to mend, never mis-read."""

from __future__ import annotations

from controltower.canonical.verdicts import Done, Kind, Misconfigured, Verdict
from integrations.connector import ChangePage, Rereader, Unread
from tests.integrations.conformance.needs import fed, forgetting, in_rows, listing, needs, shaped
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
        made += await subject.spoil(made)
        found, aside, has_more = list[str](), list[Unread](), True
        while has_more:
            page = await subject.connector.read_changes(subject.feed, cursor, 500)
            found += [change.event.record.source_id for change in page.changes]
            aside += page.aside
            cursor, has_more = page.next_cursor, page.has_more
            await subject.connector.ack(
                [change.event.id for change in page.changes]
                + [one.told_as for one in page.aside if one.told_as]
            )
        (bad,) = {one.raw: one for one in aside}.values()
        assert subject.row_member in bad.reason
        assert bad.ref in made
        assert len(set(made) - set(found)) == 1
        further = await subject.make_facts(1)
        found = [change.event.record.source_id for change in await subject.taken(cursor)]
        assert set(further) <= set(found)

    @needs(in_rows)
    async def test_what_was_set_aside_is_read_anew_as_the_same_fact(self, subject: Subject) -> None:
        cursor = await subject.drained()
        (ref,) = await subject.make_facts(1)
        changes = await subject.taken(cursor)
        (change,) = [one for one in changes if one.event.record.source_id == ref][-1:]
        assert isinstance(subject.connector, Rereader)
        row = Unread(change.raw, ref, "", told_as=change.event.id)
        again = await subject.connector.reread(subject.feed, row)
        assert again is not None
        assert (again.event.id, again.event.record) == (change.event.id, change.event.record)

    @needs(in_rows, forgetting)
    async def test_a_bad_row_stays_at_its_source_until_it_is_kept(self, subject: Subject) -> None:
        await subject.drained()
        (ref,) = await subject.spoil([])
        read = subject.connector.read_changes
        page, again = [await read(subject.feed, "", 500) for _ in range(2)]
        assert [one.ref for one in page.aside] == [ref]
        assert page.aside == again.aside
        await subject.connector.ack([one.told_as for one in page.aside if one.told_as])
        assert not (await read(subject.feed, again.next_cursor, 500)).aside
        assert not (await read(subject.feed, "", 500)).aside
