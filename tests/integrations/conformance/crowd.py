"""Many calls beside each other on one connection."""

from __future__ import annotations

import asyncio

from controltower.canonical.verdicts import Done, Outcome, TryLater
from tests.integrations.conformance.needs import creates, keyed, needs, signs_in
from tests.integrations.conformance.verdicts import assert_found, done, verdict_of
from tests.integrations.subject import Subject

BESIDE = 6


class Crowd:
    """As the engine calls: several at once, on one event loop."""

    @needs(creates)
    async def test_writes_beside_each_other_are_kept_apart(
        self, subject: Subject, tag: str
    ) -> None:
        tags = [f"{tag}-{n}" for n in range(BESIDE)]
        await asyncio.gather(*map(subject.prepare, tags))
        refs = []
        for one, verdict in zip(tags, await asyncio.gather(*map(subject.write, tags)), strict=True):
            while isinstance(verdict, TryLater):
                verdict = await subject.write(one)
            refs.append(done(verdict).ref)
        assert len(set(refs)) == BESIDE
        for one, ref in zip(tags, refs, strict=True):
            assert_found(await subject.find(one), ref)

    @needs(keyed)
    async def test_one_key_at_once_is_one_record(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        verdicts = await asyncio.gather(*(subject.write(tag) for _ in range(4)))
        made = [v for v in verdicts if isinstance(v, Done) and v.outcome is Outcome.CREATED]
        assert len(made) <= 1
        assert len({v.ref for v in verdicts if isinstance(v, Done)}) == 1
        assert isinstance(await subject.find(tag), Done)

    async def test_reads_beside_each_other_are_not_mixed_up(
        self, subject: Subject, tag: str
    ) -> None:
        refs = [await subject.existing(f"{tag}-{n}") for n in range(3)]
        wanted = refs * 3
        calls = [verdict_of(subject.connector.get(subject.entity, ref)) for ref in wanted]
        for ref, verdict in zip(wanted, await asyncio.gather(*calls), strict=True):
            assert done(verdict).ref == ref

    @needs(signs_in)
    async def test_many_find_the_session_ended_at_once(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        subject.control.order("auth_expired", count=1)
        calls = [verdict_of(subject.connector.get(subject.entity, ref)) for _ in range(BESIDE)]
        for verdict in await asyncio.gather(*calls):
            assert done(verdict).ref == ref
