"""Reading one record: absent, failing, and asked for in ways nobody should."""

from __future__ import annotations

from controltower.canonical.verdicts import (
    Kind,
    Misconfigured,
    Outcome,
    Rejected,
    TryLater,
    Unavailable,
)
from tests.integrations.conformance.needs import needs, over_http
from tests.integrations.conformance.verdicts import assert_absent, done, verdict_of
from tests.integrations.subject import Subject


class Reading:
    """`get` and `find`."""

    async def test_reads_what_is_there(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        read = done(await subject.connector.get(subject.entity, ref))
        assert (read.ref, read.outcome) == (ref, Outcome.READ)
        assert read.values

    async def test_what_is_not_there_is_not_found(self, subject: Subject) -> None:
        for ref in ("99999999", "' OR Name LIKE '%", "../../etc/passwd", "a/b?c#d", ""):
            assert_absent(await verdict_of(subject.connector.get(subject.entity, ref)))

    async def test_hostile_keys_find_nothing(self, subject: Subject) -> None:
        for value in ("' OR '1'='1", "%", "*", "\\", "a&b=c", "漢字", "x" * 500):
            key = dict.fromkeys(subject.business_key("nobody"), value)
            verdict = await verdict_of(subject.connector.find(subject.entity, key))
            assert isinstance(verdict, Rejected | Misconfigured), (value, verdict)

    async def test_reading_changes_nothing(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        first = done(await subject.connector.get(subject.entity, ref))
        second = done(await subject.connector.get(subject.entity, ref))
        assert (first.values, first.version) == (second.values, second.version)

    async def test_a_failing_read_is_tried_later(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        for kind in ("server_error", "drop_before_commit"):
            # twice, because a read may be repeated once on a pooled connection that has died
            subject.control.order(kind, count=2, operation="read")
            verdict = await verdict_of(subject.connector.get(subject.entity, ref))
            subject.control.clear()
            assert isinstance(verdict, TryLater | Unavailable), (kind, verdict)

    @needs(over_http)
    async def test_a_proxys_page_is_not_a_record(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        subject.control.order("html_page", count=2, operation="read")
        verdict = await verdict_of(subject.connector.get(subject.entity, ref))
        assert isinstance(verdict, TryLater | Unavailable), verdict

    async def test_a_silent_read_is_tried_later(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        async with subject.in_a_hurry("read"):
            verdict = await verdict_of(subject.connector.get(subject.entity, ref))
        assert isinstance(verdict, TryLater), verdict
        assert verdict.kind is Kind.OUTAGE
