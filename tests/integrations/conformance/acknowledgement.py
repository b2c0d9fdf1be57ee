"""Telling the source that we have committed: after it, not before, and as often as it takes."""

from __future__ import annotations

from tests.integrations.conformance.needs import acknowledged, fed, needs
from tests.integrations.subject import Subject


class Acknowledgement:
    """Flags, queues and files keep what was not acknowledged."""

    @needs(acknowledged)
    async def test_what_was_not_acknowledged_comes_again(self, subject: Subject) -> None:
        await subject.drained()
        made = await subject.make_facts(3)
        first = await subject.changes("")
        again = await subject.changes("")
        assert first
        assert [c.event.id for c in first] == [c.event.id for c in again]
        assert {c.event.record.source_id for c in await subject.taken("")} >= set(made)

    @needs(acknowledged)
    async def test_what_was_acknowledged_is_gone(self, subject: Subject) -> None:
        await subject.drained()
        made = await subject.make_facts(3)
        first, *_others = await subject.changes("")
        await subject.connector.ack([first.event.id])
        left = await subject.taken("")
        assert first.event.id not in [c.event.id for c in left]
        gone = {first.event.record.source_id}
        assert sorted(c.event.record.source_id for c in left) == sorted(set(made) - gone)

    @needs(acknowledged)
    async def test_a_lost_acknowledgement_is_given_again(self, subject: Subject) -> None:
        await subject.drained()
        await subject.make_facts(1)
        ids = [c.event.id for c in await subject.changes("")]
        for _ in range(2):
            await subject.connector.ack(ids)
        assert await subject.changes("") == []

    @needs(fed)
    async def test_nothing_to_acknowledge_is_no_trouble(self, subject: Subject) -> None:
        await subject.connector.ack([])
