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
        assert [c.event.id for c in first] == [c.event.id for c in again]
        assert {c.event.record.source_id for c in again} >= set(made)

    @needs(acknowledged)
    async def test_what_was_acknowledged_is_gone(self, subject: Subject) -> None:
        await subject.drained()
        await subject.make_facts(3)
        changes = await subject.changes("")
        await subject.connector.ack([changes[0].event.id])
        left = await subject.changes("")
        assert changes[0].event.id not in [c.event.id for c in left]
        assert len(left) == len(changes) - 1

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
