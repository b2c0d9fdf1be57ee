"""What every connector must do, whichever vendor it speaks to: one suite, many subjects.

A connector's test module subclasses `Conformance` and gives it a `subject` fixture: the connector
on a running counterpart, how a valid record of one entity looks, how it is found again, and, where
there is a change feed, how facts come about at the source. Nothing here is mocked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations.connector import CallFailed, Connection
from tests.integrations.subject import Subject

DEADLINE = timedelta(seconds=2)
HOSTILE_NAME = 'Ünïcode ‘Söhne’ & 漢字 🎷 <b>O\'Brien</b> \\ "q" '


class Conformance:
    """The suite. Subclasses define the fixture `subject`."""

    @pytest.fixture(autouse=True)
    async def _closed_afterwards(self, subject: Subject) -> AsyncIterator[None]:
        yield
        await subject.connector.close()

    # Declarations

    def test_declares_how_each_write_may_be_repeated(self, subject: Subject) -> None:
        descriptor = subject.connector.descriptor
        operation = descriptor.operation(subject.entity, "upsert")
        assert operation.effect in {Effect.KEYED, Effect.PROBED, Effect.LAGGING}
        assert descriptor.api_version
        with pytest.raises(KeyError):
            descriptor.operation(subject.entity, "dance")

    # Reaching the system

    async def test_is_healthy(self, subject: Subject) -> None:
        assert isinstance(await subject.connector.health(), Done)

    async def test_never_sent_is_safe(self, subject: Subject, tag: str) -> None:
        subject.control.order("down")
        await asyncio.sleep(0.5)
        verdict = await subject.upsert(tag)
        assert isinstance(verdict, Unavailable), verdict
        subject.control.clear()
        await asyncio.sleep(0.5)
        assert_absent(await subject.find(tag))

    async def test_an_unknown_host_is_never_sent(self, subject: Subject, tag: str) -> None:
        elsewhere = self._connection(subject, base_url="http://no-such-host.invalid:9")
        connector = subject.connect(elsewhere)
        record = subject.record(tag, "Nowhere", subject.amount)
        verdict = await connector.upsert(subject.entity, record, tag)
        await connector.close()
        assert isinstance(verdict, Unavailable), verdict

    async def test_wrong_credentials_are_ours_to_mend(self, subject: Subject) -> None:
        secrets = {name: f"{value}-wrong" for name, value in subject.connection.secrets.items()}
        connector = subject.connect(self._connection(subject, secrets=secrets))
        verdict = await connector.health()
        await connector.close()
        assert isinstance(verdict, Misconfigured), verdict
        assert verdict.kind is Kind.AUTH

    async def test_an_ended_session_is_renewed_once(self, subject: Subject, tag: str) -> None:
        assert isinstance(await subject.connector.health(), Done)
        subject.control.order("auth_expired", count=1)
        assert isinstance(await subject.upsert(tag), Done)

    # Writing

    async def test_repeating_makes_no_second_record(self, subject: Subject, tag: str) -> None:
        first = await subject.upsert(tag)
        assert isinstance(first, Done), first
        assert first.outcome is Outcome.CREATED
        second = await self._again(subject, tag)
        assert second.ref == first.ref
        assert_found(await subject.find(tag), first.ref)

    async def test_text_and_money_arrive_exactly(self, subject: Subject, tag: str) -> None:
        done = await subject.upsert(tag, name=HOSTILE_NAME.strip())
        assert isinstance(done, Done), done
        read = await subject.connector.get(subject.entity, done.ref)
        assert isinstance(read, Done), read
        assert subject.shown(read.values) == (HOSTILE_NAME.strip(), subject.amount)
        assert not any(isinstance(value, float) for value in read.values.values())

    async def test_a_lost_answer_is_unknown_then_found_once(
        self, subject: Subject, tag: str
    ) -> None:
        await subject.connector.health()
        subject.control.order("commit_then_drop", count=1, operation="write")
        assert isinstance(await subject.upsert(tag), Unknown)
        found = await subject.find(tag)
        assert isinstance(found, Done), found
        again = await self._again(subject, tag)
        assert again.ref == found.ref
        assert_found(await subject.find(tag), found.ref)

    async def test_a_lost_request_is_unknown_then_absent(self, subject: Subject, tag: str) -> None:
        await subject.connector.health()
        subject.control.order("drop_before_commit", count=1, operation="write")
        assert isinstance(await subject.upsert(tag), Unknown)
        assert_absent(await subject.find(tag))

    async def test_silence_beyond_the_deadline_is_unknown(self, subject: Subject, tag: str) -> None:
        await subject.connector.health()
        subject.control.order("slow", count=1, milliseconds=3000, operation="write")
        assert isinstance(await subject.upsert(tag), Unknown)

    async def test_an_html_page_answers_nothing(self, subject: Subject, tag: str) -> None:
        await subject.connector.health()
        subject.control.order("html_page", count=1, committed=True, operation="write")
        verdict = await subject.upsert(tag)
        assert isinstance(verdict, Unknown), verdict
        assert isinstance(await subject.find(tag), Done)

    async def test_throttling_is_proven_not_done(self, subject: Subject, tag: str) -> None:
        await subject.connector.health()
        subject.control.order("throttle", count=1, retry_after=7, operation="write")
        verdict = await subject.upsert(tag)
        assert isinstance(verdict, TryLater), verdict
        assert (verdict.kind, verdict.after) == (Kind.RATE_LIMITED, timedelta(seconds=7))
        subject.control.order("throttle", count=1, operation="write")
        verdict = await subject.upsert(tag)
        assert isinstance(verdict, TryLater), verdict
        assert (verdict.kind, verdict.after) == (Kind.RATE_LIMITED, None)
        assert_absent(await subject.find(tag))

    async def test_a_refusal_keeps_the_vendors_words(self, subject: Subject, tag: str) -> None:
        await subject.connector.health()
        words = "The steward has frozen this record until Friday."
        subject.control.order("refuse", count=1, text=words, operation="write")
        verdict = await subject.upsert(tag)
        assert isinstance(verdict, Rejected), verdict
        assert words in verdict.text
        assert_absent(await subject.find(tag))

    # Reading

    async def test_what_is_not_there_is_not_found(self, subject: Subject) -> None:
        for ref in ("99999999", "' OR Name LIKE '%", ""):
            verdict = await subject.connector.get(subject.entity, ref)
            assert isinstance(verdict, Rejected), verdict
            assert verdict.kind is Kind.NOT_FOUND

    async def test_a_failing_read_is_tried_later(self, subject: Subject, tag: str) -> None:
        assert isinstance(await subject.upsert(tag), Done)
        for kind in ("server_error", "html_page", "drop_before_commit"):
            # twice, because a read may be repeated once on a pooled connection that has died
            subject.control.order(kind, count=2, operation="read")
            verdict = await subject.find(tag)
            subject.control.clear()
            assert isinstance(verdict, TryLater | Unavailable), (kind, verdict)

    async def test_no_exchange_shows_a_credential(self, subject: Subject, tag: str) -> None:
        verdicts = [await subject.upsert(tag), await subject.find(tag)]
        subject.control.order("refuse", count=1, operation="write")
        verdicts.append(await subject.upsert(f"{tag}-2"))
        for verdict in verdicts:
            assert verdict.exchange is not None
            assert verdict.exchange.request
            shown = verdict.exchange.request + verdict.exchange.response
            for secret in subject.connection.secrets.values():
                assert secret not in shown
            assert "authorization" not in shown.lower()

    # The change feed

    async def test_the_feed_loses_nothing_at_equal_stamps(self, subject: Subject) -> None:
        if not subject.feed:
            pytest.skip("this connector declares no change feed")
        cursor = await self._drained(subject, "")
        made = await subject.make_facts(7)
        seen: list[str] = []
        has_more = True
        while has_more:
            page = await subject.connector.read_changes(subject.feed, cursor, 3)
            seen += [change.event.record.source_id for change in page.changes]
            assert all(change.raw for change in page.changes)
            cursor, has_more = page.next_cursor, page.has_more
        assert sorted(ref for ref in seen if ref in made) == sorted(made)
        assert await self._events(subject, cursor) == []

    async def test_an_unchanged_fact_keeps_its_event_id(self, subject: Subject) -> None:
        if not subject.feed:
            pytest.skip("this connector declares no change feed")
        cursor = await self._drained(subject, "")
        (ref,) = await subject.make_facts(1)
        first = await self._events(subject, cursor)
        await subject.touch(ref)
        second = await self._events(subject, cursor)
        assert [event for event in first if ref in event]
        assert first == second

    async def test_a_failing_feed_says_what_happened(self, subject: Subject) -> None:
        if not subject.feed:
            pytest.skip("this connector declares no change feed")
        cursor = await self._drained(subject, "")
        subject.control.order("html_page", count=1, operation="read")
        with pytest.raises(CallFailed) as failure:
            await subject.connector.read_changes(subject.feed, cursor, 10)
        assert isinstance(failure.value.verdict, TryLater)

    # How the suite does it

    async def _again(self, subject: Subject, tag: str) -> Done:
        """Send once more as the engine would: systems without a key are probed before."""
        operation = subject.connector.descriptor.operation(subject.entity, "upsert")
        found = await subject.find(tag)
        if operation.effect is not Effect.KEYED and isinstance(found, Done):
            return found
        verdict = await subject.upsert(tag)
        assert isinstance(verdict, Done), verdict
        assert verdict.outcome is not Outcome.CREATED
        return verdict

    async def _drained(self, subject: Subject, cursor: str) -> str:
        has_more = True
        while has_more:
            page = await subject.connector.read_changes(subject.feed, cursor, 500)
            cursor, has_more = page.next_cursor, page.has_more
        return cursor

    async def _events(self, subject: Subject, cursor: str) -> list[str]:
        page = await subject.connector.read_changes(subject.feed, cursor, 500)
        return [change.event.id for change in page.changes]

    def _connection(self, subject: Subject, **changed: Any) -> Connection:
        known = subject.connection
        fields = {
            "slug": known.slug,
            "base_url": known.base_url,
            "secrets": known.secrets,
            "options": known.options,
            "deadline": known.deadline,
        }
        return Connection(**{**fields, **changed})


def assert_absent(verdict: Verdict) -> None:
    """The target has proven not to have it."""
    assert isinstance(verdict, Rejected), verdict
    assert verdict.kind is Kind.NOT_FOUND


def assert_found(verdict: Verdict, ref: str) -> None:
    """The target has it exactly once."""
    assert isinstance(verdict, Done), verdict
    assert verdict.ref == ref
