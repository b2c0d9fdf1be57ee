"""Standard Webhooks signatures: no bit of what was signed may differ, nor be old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from controltower.web import signature
from tests.web.partner import NEXT_SECRET, SECRET, deal, encoded, signed

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BODY = encoded(deal())


def changed(content: bytes) -> Iterator[bytes]:
    """The content with one bit different, for every bit of it."""
    for position in range(len(content) * 8):
        other = bytearray(content)
        other[position // 8] ^= 1 << position % 8
        yield bytes(other)


def headers(**more: str) -> dict[str, str]:
    """A good message's headers, with changes."""
    return signed(BODY, at=NOW.timestamp()) | {name.replace("_", "-"): more[name] for name in more}


def refused(given: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> None:
    """Not with the key, nor with two."""
    with pytest.raises(signature.Refused):
        signature.check(given, body, [SECRET, NEXT_SECRET], now)


def test_the_message_itself_holds() -> None:
    assert signature.check(headers(), BODY, [SECRET], NOW) == "msg_1"


def test_every_bit_of_the_body_counts() -> None:
    for other in changed(BODY):
        refused(headers(), other)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_bit_of_each_header_counts(name: str) -> None:
    for other in changed(headers()[name].encode()):
        refused(headers() | {name: other.decode("latin-1")})


def test_a_shorter_or_longer_body_is_another() -> None:
    refused(headers(), BODY[:-1])
    refused(headers(), BODY + b"\x00")
    refused(headers(), b"")


class TestRotation:
    @pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
    def test_both_keys_hold_while_both_are_set(self, secret: str) -> None:
        given = signed(BODY, at=NOW.timestamp(), secret=secret)
        assert signature.check(given, BODY, [SECRET, NEXT_SECRET], NOW)

    def test_a_key_taken_out_no_longer_holds(self) -> None:
        with pytest.raises(signature.Refused):
            signature.check(headers(), BODY, [NEXT_SECRET], NOW)


class TestTime:
    @pytest.mark.parametrize("seconds", [-300, 0, 300])
    def test_within_five_minutes(self, seconds: int) -> None:
        assert signature.check(headers(), BODY, [SECRET], NOW + timedelta(seconds=seconds))

    @pytest.mark.parametrize("seconds", [-301, 301, 86_400 * 365])
    def test_a_message_caught_and_sent_again_later_is_refused(self, seconds: int) -> None:
        refused(headers(), now=NOW + timedelta(seconds=seconds))
