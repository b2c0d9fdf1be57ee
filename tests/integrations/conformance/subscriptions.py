"""Subscriptions by which a vendor tells us of changes: listed as they are, and missed."""

from __future__ import annotations

import pytest

from controltower.canonical.verdicts import Kind
from integrations.connector import CallFailed, Connector, Subscribed, Subscription
from tests.integrations.conformance.needs import has_secrets, needs, subscribed, throttled
from tests.integrations.subject import Subject


async def _seen(connector: Connector, address: str) -> list[Subscription]:
    assert isinstance(connector, Subscribed)
    return list(await connector.subscriptions(address))


def _ours(tag: str) -> str:
    return f"https://tower.invalid/inbound/{tag}/"


class Subscriptions:
    """What is at the vendor, and points at us."""

    async def test_they_are_listed_where_that_is_declared(self, subject: Subject) -> None:
        told = subject.descriptor().told
        assert bool(told) == isinstance(subject.connector, Subscribed)
        assert len(set(told)) == len(told)

    @needs(subscribed)
    async def test_one_that_points_at_us_is_seen(self, subject: Subject, tag: str) -> None:
        assert await _seen(subject.connector, _ours(tag)) == []
        ref = await subject.subscribe(_ours(tag))
        (one,) = await _seen(subject.connector, _ours(tag))
        assert (one.ref, one.trouble) == (ref, "")
        assert one.entity in subject.descriptor().told
        await subject.unsubscribe(ref)

    @needs(subscribed)
    async def test_one_that_points_elsewhere_is_not_ours(self, subject: Subject, tag: str) -> None:
        ref = await subject.subscribe(_ours(tag))
        for address in (_ours(f"{tag}-2"), _ours(tag)[:-1], ""):
            assert await _seen(subject.connector, address) == []
        await subject.unsubscribe(ref)

    @needs(subscribed)
    async def test_one_that_was_taken_away_is_gone(self, subject: Subject, tag: str) -> None:
        ref = await subject.subscribe(_ours(tag))
        assert await _seen(subject.connector, _ours(tag))
        await subject.unsubscribe(ref)
        assert await _seen(subject.connector, _ours(tag)) == []

    @needs(subscribed, has_secrets)
    async def test_a_stranger_is_told_nothing(self, subject: Subject, tag: str) -> None:
        async with subject.elsewhere(secrets=subject.wrong_secrets(tag)) as connector:
            with pytest.raises(CallFailed):
                await _seen(connector, _ours(tag))

    @needs(subscribed, throttled)
    async def test_a_throttled_look_says_so(self, subject: Subject, tag: str) -> None:
        await subject.connector.health()
        subject.control.order(**{**subject.throttles[0], "count": 1})
        with pytest.raises(CallFailed) as caught:
            await _seen(subject.connector, _ours(tag))
        assert getattr(caught.value.verdict, "kind", None) is Kind.RATE_LIMITED
