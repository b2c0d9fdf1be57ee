"""Answers that nobody agreed to: whatever comes, a verdict; never a crash, never a guess."""

from __future__ import annotations

import pytest

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Misconfigured,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
)
from integrations.connector import CallFailed, ChangePage
from integrations.sandbox.garble import GARBLINGS
from tests.integrations.conformance.needs import answered, fed, needs, over_http, writes
from tests.integrations.conformance.verdicts import verdict_of
from tests.integrations.subject import Subject

HARMLESS = {"mislabelled", "nul"}
"""The right body under a wrong content type, or with a NUL where nobody reads: believing it is no
mistake, as long as what is taken from it is right."""


class Hostile:
    """Every kind of broken body, after the work was done."""

    @needs(over_http)
    @pytest.mark.parametrize("how", GARBLINGS)
    async def test_a_garbled_read_is_no_record(self, subject: Subject, tag: str, how: str) -> None:
        ref = await subject.existing(tag)
        subject.control.order("garbled", count=2, code=how, operation="read")
        verdict = await verdict_of(subject.connector.get(subject.entity, ref))
        if isinstance(verdict, Done):
            assert (how in HARMLESS, verdict.ref) == (True, ref)
            assert "\x00" not in repr(verdict.values)
        else:
            assert isinstance(verdict, TryLater | Unavailable | Misconfigured), verdict

    @needs(over_http, writes, answered)
    @pytest.mark.parametrize("how", GARBLINGS)
    async def test_a_garbled_write_is_unknown(self, subject: Subject, tag: str, how: str) -> None:
        await subject.prepare(tag)
        subject.control.order("garbled", count=1, code=how, operation="write")
        verdict = await subject.write(tag)
        assert not isinstance(verdict, Rejected | TryLater | Unavailable), verdict
        found = await subject.find(tag)
        assert isinstance(found, Done), found
        if isinstance(verdict, Done):
            assert (how in HARMLESS, verdict.ref) == (True, found.ref)
            assert "\x00" not in repr(verdict.values)
        else:
            assert isinstance(verdict, Unknown), verdict

    @needs(over_http, fed)
    @pytest.mark.parametrize("how", GARBLINGS)
    async def test_a_garbled_feed_moves_no_cursor(self, subject: Subject, how: str) -> None:
        if not await subject.changes(""):
            await subject.make_facts(1)
        subject.control.order("garbled", count=2, code=how, operation="read")
        page = await verdict_of(subject.connector.read_changes(subject.feed, "", 500))
        subject.control.clear()
        if isinstance(page, ChangePage):
            assert how in HARMLESS
            assert all(b"\\u0000" not in change.raw for change in page.changes)
        else:
            assert isinstance(page, TryLater | Unavailable | Misconfigured), page

    @needs(over_http, fed)
    async def test_a_failing_feed_says_what_happened(self, subject: Subject) -> None:
        cursor = await subject.drained()
        subject.control.order("html_page", count=2, operation="read")
        with pytest.raises(CallFailed) as failure:
            await subject.connector.read_changes(subject.feed, cursor, 10)
        assert isinstance(failure.value.verdict, TryLater)
        assert failure.value.verdict.kind in {Kind.OUTAGE, Kind.TRANSIENT}
        assert failure.value.verdict.text
