"""Signed messages in the vendor's dialect: believed only when they are its own, and of now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations.connector import Connector, Forged, Receiver
from integrations.shape import Drift
from tests.integrations.conformance.needs import dated, hears, needs
from tests.integrations.subject import Message, Subject


def receiver(connector: Connector) -> Receiver:
    """The connector as one that hears."""
    assert isinstance(connector, Receiver)
    return connector


async def _message(subject: Subject) -> Message:
    (message,) = await subject.messages(1)
    return message


class Inbound:
    """What a sandbox has really sent."""

    @needs(hears)
    async def test_a_genuine_message_is_taken(self, subject: Subject) -> None:
        message = await _message(subject)
        changes = receiver(subject.connector).verify_inbound(*message, datetime.now(UTC))
        assert changes
        for change in changes:
            assert change.raw and change.event.id and change.event.record.source_id

    @needs(hears)
    async def test_told_twice_it_is_one_fact(self, subject: Subject) -> None:
        message = await _message(subject)
        now = datetime.now(UTC)
        first, second = (
            receiver(subject.connector).verify_inbound(*message, now) for _ in range(2)
        )
        assert [c.event.id for c in first] == [c.event.id for c in second]

    @needs(hears)
    async def test_another_key_is_refused(self, subject: Subject) -> None:
        message = await _message(subject)
        secrets = dict.fromkeys(subject.connection.secrets, "another")
        async with subject.elsewhere(secrets=secrets) as connector:
            with pytest.raises(Forged):
                receiver(connector).verify_inbound(*message, datetime.now(UTC))

    @needs(hears)
    async def test_without_a_key_nothing_is_believed(self, subject: Subject) -> None:
        message = await _message(subject)
        async with subject.elsewhere(secrets={}) as connector:
            with pytest.raises(Forged):
                receiver(connector).verify_inbound(*message, datetime.now(UTC))

    @needs(hears)
    async def test_a_key_in_rotation_is_taken(self, subject: Subject) -> None:
        message = await _message(subject)
        secrets = {n: f"the-next-one {v}" for n, v in subject.connection.secrets.items()}
        async with subject.elsewhere(secrets=secrets) as connector:
            assert receiver(connector).verify_inbound(*message, datetime.now(UTC))

    @needs(hears)
    async def test_a_changed_body_is_refused(self, subject: Subject) -> None:
        headers, raw = await _message(subject)
        for changed in (raw + b" ", raw[:-1], b"", raw.replace(b'"', b"'", 1)):
            with pytest.raises(Forged):
                receiver(subject.connector).verify_inbound(headers, changed, datetime.now(UTC))

    @needs(hears)
    async def test_each_header_of_the_signature_counts(self, subject: Subject) -> None:
        headers, raw = await _message(subject)
        for name in subject.signed_headers:
            for changed in ("", "0", "ü", headers[name][:-1]):
                with pytest.raises(Forged):
                    receiver(subject.connector).verify_inbound(
                        {**headers, name: changed}, raw, datetime.now(UTC)
                    )
            without = {other: value for other, value in headers.items() if other != name}
            with pytest.raises(Forged):
                receiver(subject.connector).verify_inbound(without, raw, datetime.now(UTC))

    @needs(hears, dated)
    async def test_an_old_message_is_refused(self, subject: Subject) -> None:
        message = await _message(subject)
        for away in (timedelta(minutes=6), timedelta(days=400), -timedelta(minutes=6)):
            with pytest.raises(Forged):
                receiver(subject.connector).verify_inbound(*message, datetime.now(UTC) + away)

    @needs(hears)
    async def test_signed_nonsense_is_told_apart_from_forgery(self, subject: Subject) -> None:
        for body in (b"", b"not json", b"[]", b'{"a":' * 100_000, b"\xff\xfe", b"null"):
            message = subject.signed(body)
            with pytest.raises(Drift):
                receiver(subject.connector).verify_inbound(*message, datetime.now(UTC))
