"""A write without a trustworthy answer: unknown, then settled by looking, never by guessing."""

from __future__ import annotations

from controltower.canonical.verdicts import Done, TryLater, Unavailable, Unknown
from tests.integrations.conformance.needs import needs, over_http, writes
from tests.integrations.conformance.verdicts import assert_absent, assert_found, done
from tests.integrations.conformance.writing import sent_again
from tests.integrations.subject import Subject


class Doubt:
    """Lost requests and lost answers."""

    @needs(writes)
    async def test_a_lost_answer_is_unknown_then_found_once(
        self, subject: Subject, tag: str
    ) -> None:
        await subject.prepare(tag)
        subject.control.order("commit_then_drop", count=1, operation="write")
        assert isinstance(await subject.write(tag), Unknown)
        found = done(await subject.find(tag))
        again = await sent_again(subject, tag)
        assert again.ref == found.ref
        assert_found(await subject.find(tag), found.ref)

    @needs(writes)
    async def test_a_lost_request_is_unknown_then_absent(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("drop_before_commit", count=1, operation="write")
        assert isinstance(await subject.write(tag), Unknown)
        assert_absent(await subject.find(tag))

    @needs(writes)
    async def test_silence_beyond_the_deadline_is_unknown(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        async with subject.in_a_hurry("write"):
            assert isinstance(await subject.write(tag), Unknown)

    @needs(writes, over_http)
    async def test_a_proxys_page_answers_nothing(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("html_page", count=1, committed=True, operation="write")
        verdict = await subject.write(tag)
        assert isinstance(verdict, Unknown), verdict
        assert isinstance(await subject.find(tag), Done)

    @needs(writes, over_http)
    async def test_a_proxys_page_for_nothing_done_is_no_success(
        self, subject: Subject, tag: str
    ) -> None:
        await subject.prepare(tag)
        subject.control.order("html_page", count=1, operation="write")
        verdict = await subject.write(tag)
        assert isinstance(verdict, Unknown | TryLater | Unavailable), verdict
        assert_absent(await subject.find(tag))

    @needs(writes)
    async def test_a_failure_after_the_work_is_unknown(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order(
            "server_error", count=1, committed=True, status=500, operation="write"
        )
        verdict = await subject.write(tag)
        assert isinstance(verdict, Unknown), verdict
        assert isinstance(await subject.find(tag), Done)
