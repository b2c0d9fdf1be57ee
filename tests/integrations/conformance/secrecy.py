"""No credential is ever kept with an attempt, said to a person, or raised."""

from __future__ import annotations

from controltower.canonical.verdicts import Verdict
from tests.integrations.conformance.needs import has_secrets, needs, writes
from tests.integrations.conformance.verdicts import verdict_of
from tests.integrations.subject import Subject


def assert_silent(subject: Subject, verdict: Verdict) -> None:
    """Nothing in the verdict tells a secret."""
    shown = repr(verdict)
    if verdict.exchange is not None:
        shown += verdict.exchange.request + verdict.exchange.response
    for name, secret in subject.connection.secrets.items():
        assert name in subject.public or secret not in shown
    assert "authorization" not in shown.lower()


class Secrecy:
    """Exchanges are kept for people to read."""

    @needs(writes)
    async def test_no_write_shows_a_credential(self, subject: Subject, tag: str) -> None:
        verdicts = [await subject.write(tag)]
        subject.control.order("refuse", count=1, operation="write")
        verdicts.append(await subject.write(tag, name="Refused"))
        for verdict in verdicts:
            assert verdict.exchange is not None
            assert verdict.exchange.request
            assert_silent(subject, verdict)

    async def test_no_read_shows_a_credential(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        read = await subject.connector.get(subject.entity, ref)
        assert read.exchange is not None
        assert_silent(subject, read)
        assert_silent(subject, await subject.connector.health())

    @needs(has_secrets)
    async def test_no_failed_sign_in_shows_a_credential(self, subject: Subject, tag: str) -> None:
        async with subject.elsewhere(secrets=subject.wrong_secrets(tag)) as connector:
            for verdict in (
                await connector.health(),
                await verdict_of(connector.get(subject.entity, "1")),
            ):
                assert_silent(subject, verdict)

    async def test_no_failure_shows_a_credential(self, subject: Subject) -> None:
        for kind in ("server_error", "drop_before_commit"):
            subject.control.order(kind, count=2)
            assert_silent(subject, await subject.connector.health())
            subject.control.clear()
