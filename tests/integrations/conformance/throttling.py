"""Being asked to slow down, in every dialect that the vendor has for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controltower.canonical.verdicts import Kind, TryLater, Verdict
from integrations.http import LONGEST_REST
from tests.integrations.conformance.needs import fed, needs, says_when, throttled, writes
from tests.integrations.conformance.verdicts import assert_absent, verdict_of
from tests.integrations.subject import Subject

ODD_RESTS = ("soon", "-1", "1e9", "9" * 40, "Wed, 21 Oct 2099 07:28:00 GMT")


def assert_throttled(verdict: Verdict) -> TryLater:
    """The system has certainly not done it, and may be asked again."""
    assert isinstance(verdict, TryLater), verdict
    assert verdict.kind is Kind.RATE_LIMITED, verdict
    return verdict


class Throttling:
    """Proven not to have happened, and when to come again."""

    @needs(throttled, writes)
    async def test_throttling_is_proven_not_done_in_every_dialect(
        self, subject: Subject, tag: str
    ) -> None:
        await subject.prepare(tag)
        for dialect in subject.throttles:
            subject.control.order(count=1, operation="write", **dialect)
            assert_throttled(await subject.write(tag))
            subject.control.clear()
        assert_absent(await subject.find(tag))

    @needs(throttled, says_when, writes)
    async def test_the_vendor_says_when_to_come_again(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("throttle", count=1, retry_after=7, operation="write")
        assert assert_throttled(await subject.write(tag)).after == timedelta(seconds=7)

    @needs(throttled, writes)
    async def test_the_vendor_need_not_say_when(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("throttle", count=1, operation="write")
        assert assert_throttled(await subject.write(tag)).after is None

    @needs(throttled, says_when, writes)
    @pytest.mark.parametrize(
        "odd", ["soon", "-1", "1e9", "9" * 40, "Wed, 21 Oct 2099 07:28:00 GMT"]
    )
    async def test_an_odd_rest_holds_nothing_for_long(
        self, subject: Subject, tag: str, odd: str
    ) -> None:
        await subject.prepare(tag)
        subject.control.order("throttle", count=1, text=odd, operation="write")
        after = assert_throttled(await subject.write(tag)).after
        assert after is None or timedelta(0) <= after <= LONGEST_REST

    @needs(throttled)
    async def test_a_throttled_question_is_asked_later(self, subject: Subject) -> None:
        await subject.connector.health()
        for dialect in subject.throttles:
            subject.control.order(count=2, operation="read", **dialect)
            assert_throttled(await verdict_of(subject.connector.get(subject.entity, "1")))
            subject.control.clear()

    @needs(throttled, fed)
    async def test_a_throttled_feed_is_read_later(self, subject: Subject) -> None:
        await subject.connector.health()
        subject.control.order("throttle", count=2, operation="read")
        assert_throttled(await verdict_of(subject.connector.read_changes(subject.feed, "", 10)))

    async def test_what_is_known_of_the_quota_is_told(self, subject: Subject) -> None:
        await subject.connector.health()
        quota = subject.connector.rate_limit()
        assert quota.limit is None or (quota.used is not None and 0 <= quota.used <= quota.limit)
