"""Keys and amounts of a window, for reconciliation: complete, exact, and only of that window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from controltower.canonical.verdicts import TryLater, Unavailable
from tests.integrations.conformance.needs import compared, creates, has_money, needs
from tests.integrations.conformance.verdicts import done, verdict_of
from tests.integrations.subject import Subject


class Keys:
    """`keys` of the entity that is written or read."""

    @needs(compared)
    async def test_the_window_holds_what_was_written_in_it(
        self, subject: Subject, tag: str
    ) -> None:
        ref = await subject.comparable(tag)
        now = datetime.now(UTC)
        keys = await subject.connector.keys(
            subject.entity, now - timedelta(minutes=5), now + timedelta(minutes=5)
        )
        mine = [key for key in keys if key.ref == ref]
        assert len(mine) == 1
        assert mine[0].key
        assert len({key.ref for key in keys}) == len(keys)

    @needs(compared, has_money)
    async def test_amounts_are_exact_and_have_a_currency(self, subject: Subject, tag: str) -> None:
        ref = await subject.comparable(tag)
        now = datetime.now(UTC)
        keys = await subject.connector.keys(
            subject.entity, now - timedelta(minutes=5), now + timedelta(minutes=5)
        )
        (key,) = [key for key in keys if key.ref == ref]
        assert Decimal(key.amount) == subject.compared_amount
        assert len(key.currency) == 3

    @needs(compared)
    async def test_another_window_does_not(self, subject: Subject, tag: str) -> None:
        ref = await subject.comparable(tag)
        then = datetime.now(UTC) - timedelta(days=30)
        keys = await subject.connector.keys(subject.entity, then, then + timedelta(hours=1))
        assert ref not in [key.ref for key in keys]

    @needs(compared, creates)
    async def test_a_change_has_another_version(self, subject: Subject, tag: str) -> None:
        ref = await subject.comparable(tag)
        read = done(await subject.connector.get(subject.entity, ref))
        now = datetime.now(UTC)
        keys = await subject.connector.keys(
            subject.entity, now - timedelta(minutes=5), now + timedelta(minutes=5)
        )
        (key,) = [key for key in keys if key.ref == ref]
        assert key.version == read.version

    @needs(compared)
    async def test_a_failing_window_is_no_empty_one(self, subject: Subject) -> None:
        now = datetime.now(UTC)
        subject.control.order("server_error", operation="read")
        verdict = await verdict_of(
            subject.connector.keys(subject.entity, now - timedelta(minutes=5), now)
        )
        assert isinstance(verdict, TryLater | Unavailable), verdict
