"""Writing, by how a write may be repeated."""

from __future__ import annotations

from controltower.canonical.verdicts import Done, Effect, Kind, Outcome, Rejected
from tests.integrations.conformance.needs import (
    changes,
    creates,
    effect_of,
    keyed,
    lasts,
    needs,
    twins,
    writes,
)
from tests.integrations.conformance.verdicts import assert_absent, assert_found, done
from tests.integrations.subject import Subject


async def sent_again(subject: Subject, tag: str) -> Done:
    """Send once more as the engine would: where neither a key nor the verb itself makes that
    harmless, the target is asked before."""
    found = await subject.find(tag)
    if effect_of(type(subject)) not in {Effect.KEYED, Effect.IDEMPOTENT} and isinstance(
        found, Done
    ):
        return found
    again = done(await subject.write(tag))
    assert again.outcome is not Outcome.CREATED
    return again


class Writing:
    """Repeating, updating, refusing."""

    @needs(creates)
    async def test_repeating_makes_no_second_record(self, subject: Subject, tag: str) -> None:
        first = done(await subject.write(tag))
        assert subject.works_later or first.outcome is Outcome.CREATED
        second = await sent_again(subject, tag)
        assert second.ref == first.ref
        assert_found(await subject.find(tag), first.ref)

    @needs(writes)
    async def test_what_was_written_is_read_back(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        assert_absent(await subject.find(tag))
        written = done(await subject.write(tag))
        read = done(await subject.connector.get(subject.entity, written.ref))
        assert (read.ref, read.outcome) == (written.ref, Outcome.READ)
        assert_found(await subject.find(tag), written.ref)

    @needs(writes)
    async def test_the_same_again_leaves_the_same(self, subject: Subject, tag: str) -> None:
        written = done(await subject.write(tag))
        before = done(await subject.connector.get(subject.entity, written.ref)).values
        await sent_again(subject, tag)
        after = done(await subject.connector.get(subject.entity, written.ref)).values
        assert subject.shown(after) == subject.shown(before)

    @needs(creates)
    async def test_two_references_are_two_records(self, subject: Subject, tag: str) -> None:
        first, second = [done(await subject.write(f"{tag}-{n}")) for n in (1, 2)]
        assert first.ref != second.ref
        assert_found(await subject.find(f"{tag}-1"), first.ref)
        assert_found(await subject.find(f"{tag}-2"), second.ref)

    @needs(keyed, lasts)
    async def test_another_content_of_one_key_is_a_conflict(
        self, subject: Subject, tag: str
    ) -> None:
        first = done(await subject.write(tag, name="Before"))
        second = await subject.write(tag, name="After")
        assert isinstance(second, Rejected), second
        assert second.kind is Kind.CONFLICT
        read = done(await subject.connector.get(subject.entity, first.ref))
        assert subject.shown(read.values)[0] == "Before"

    @needs(keyed, changes)
    async def test_a_change_reaches_the_same_record(self, subject: Subject, tag: str) -> None:
        first = done(await subject.write(tag, name="Before"))
        second = done(await subject.write(tag, name="After"))
        assert second.ref == first.ref
        read = done(await subject.connector.get(subject.entity, first.ref))
        assert subject.shown(read.values)[0] == "After"

    @needs(writes)
    async def test_a_refusal_keeps_the_vendors_words(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        words = "The steward has frozen this record until Friday."
        subject.control.order("refuse", count=1, text=words, operation="write")
        verdict = await subject.write(tag)
        assert isinstance(verdict, Rejected), verdict
        assert words in verdict.text
        assert_absent(await subject.find(tag))

    @needs(writes)
    async def test_a_refusal_ends_nothing(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("refuse", count=1, operation="write")
        await subject.write(tag)
        assert isinstance(await subject.write(tag), Done)

    @needs(twins)
    async def test_several_matches_are_an_incident(self, subject: Subject, tag: str) -> None:
        first = done(await subject.write(tag))
        twin = await subject.make_twin(first.ref, tag)
        found = await subject.find(tag)
        assert isinstance(found, Rejected), found
        assert found.kind is Kind.DUPLICATE
        assert first.ref in found.text or twin in found.text
