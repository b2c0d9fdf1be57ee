"""Reaching the system and signing in: what was certainly not sent is safe to send again."""

from __future__ import annotations

import asyncio

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Misconfigured,
    TryLater,
    Unavailable,
)
from tests.integrations.conformance.needs import has_secrets, needs, signs_in, writes
from tests.integrations.conformance.verdicts import assert_absent, verdict_of
from tests.integrations.subject import Subject

OPENING = 0.4
"""Seconds in which a sandbox opens or closes its port; it looks every 0.1 s."""


class Reach:
    """Health, addresses, credentials, sessions."""

    async def test_is_healthy(self, subject: Subject) -> None:
        assert isinstance(await subject.connector.health(), Done)

    async def test_tells_a_failing_system(self, subject: Subject) -> None:
        subject.control.order("server_error", count=2)
        verdict = await subject.connector.health()
        assert isinstance(verdict, TryLater | Unavailable), verdict

    @needs(writes)
    async def test_never_sent_is_safe(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("down")
        await asyncio.sleep(OPENING)
        verdict = await subject.write(tag)
        read = await subject.find(tag)
        subject.control.clear()
        await asyncio.sleep(OPENING)
        assert isinstance(verdict, Unavailable), verdict
        assert isinstance(read, Unavailable | TryLater), read
        assert_absent(await subject.find(tag))

    async def test_an_unknown_host_is_never_reached(self, subject: Subject) -> None:
        async with subject.elsewhere(base_url="http://no-such-host.invalid:9") as connector:
            verdict = await verdict_of(connector.get(subject.entity, "1"))
            assert isinstance(await connector.health(), Unavailable)
        assert isinstance(verdict, Unavailable), verdict

    @needs(has_secrets)
    async def test_wrong_credentials_are_ours_to_mend(self, subject: Subject, tag: str) -> None:
        async with subject.elsewhere(secrets=subject.wrong_secrets(tag)) as connector:
            verdict = await connector.health()
        assert isinstance(verdict, Misconfigured), verdict
        assert verdict.kind is Kind.AUTH

    @needs(has_secrets)
    async def test_missing_credentials_are_ours_to_mend(self, subject: Subject) -> None:
        async with subject.elsewhere(secrets={}) as connector:
            verdict = await connector.health()
        assert isinstance(verdict, Misconfigured), verdict
        assert verdict.kind is Kind.AUTH

    @needs(signs_in, writes)
    async def test_an_ended_session_is_renewed_once(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("auth_expired", count=1)
        verdict = await subject.write(tag)
        assert isinstance(verdict, Done), verdict

    @needs(signs_in)
    async def test_a_session_that_never_holds_is_given_up(self, subject: Subject) -> None:
        await subject.connector.health()
        subject.control.order("auth_expired")
        verdict = await subject.connector.health()
        assert isinstance(verdict, Misconfigured), verdict
        assert verdict.kind is Kind.AUTH

    @needs(signs_in, writes)
    async def test_a_silent_sign_in_has_written_nothing(self, subject: Subject, tag: str) -> None:
        await subject.prepare(tag)
        subject.control.order("auth_expired", count=1)
        subject.control.order("server_error", count=1, operation="sign in")
        verdict = await subject.write(tag)
        assert isinstance(verdict, TryLater | Unavailable), verdict
        assert_absent(await subject.find(tag))

    async def test_may_be_closed_twice(self, subject: Subject) -> None:
        await subject.connector.health()
        await subject.connector.close()
        await subject.connector.close()
        assert isinstance(await subject.connector.health(), Done)

    async def test_what_it_does_not_offer_is_ours_to_mend(self, subject: Subject) -> None:
        connector, fields = subject.connector, {"name": "x"}
        for verdict in (
            await verdict_of(connector.get("martian", "1")),
            await verdict_of(connector.find("martian", {"key": "1"})),
            await verdict_of(connector.upsert("martian", fields, "k")),
            await verdict_of(connector.act("martian", "1", "update", fields, "k")),
            await verdict_of(connector.act(subject.entity, "1", "dance", fields, "k")),
        ):
            assert isinstance(verdict, Misconfigured), verdict
            assert verdict.kind is Kind.CONTRACT
