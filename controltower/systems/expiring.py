"""What runs out: credentials, an interface that its vendor ends, changes that nobody reads in time,
subscriptions by which a vendor tells us of changes.

A certificate or signed token says itself until when it is good; of other credentials a person has
noted it. Credentials are looked at where they are, and never kept.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509

from controltower.systems import calls
from controltower.systems.models import (
    Credential,
    Direction,
    Feed,
    Interface,
    Subscription,
    System,
)

_PEM = "-----BEGIN CERTIFICATE-----"


class What(StrEnum):
    """What it is that runs out."""

    CREDENTIAL = "credential"
    INTERFACE = "interface"
    CHANGES = "changes"
    SUBSCRIPTION = "subscription"


WARNED = {
    What.CREDENTIAL: timedelta(days=30),
    What.INTERFACE: timedelta(days=90),
    What.SUBSCRIPTION: timedelta(days=1),
}
"""How long ahead people are warned; of changes, when half their time has passed."""
SHOWN = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something of a system that runs out at a moment (UTC); `warned_from` is when that is told,
    `trouble` why it is of no use already."""

    system: System
    what: What
    name: str
    at: datetime
    warned_from: datetime
    trouble: str = ""

    def is_due(self, now: datetime) -> bool:
        """Whether somebody should see to it now."""
        return now >= self.warned_from

    def is_over(self, now: datetime) -> bool:
        """Whether it has run out."""
        return now >= self.at


def look(now: datetime) -> list[Expiry]:
    """All that runs out in the time ahead, the soonest first."""
    found = [*_credentials(), *_interfaces(), *_changes(), *_subscriptions()]
    return sorted(
        (one for one in found if one.at < now + SHOWN), key=lambda one: (one.at, one.system.title)
    )


def _credentials() -> Iterable[Expiry]:
    mine = Credential.objects.filter(system__active=True).select_related("system")
    for one in mine:
        if one.name in one.system.secrets:
            yield _expiry(one.system, What.CREDENTIAL, one.name, one.expires_at)


def _interfaces() -> Iterable[Expiry]:
    """As the answers announce it, or as the connector knows it of the vendor's whole API."""
    announced = Interface.objects.filter(
        system__active=True, sunset_at__isnull=False, direction=Direction.INBOUND
    )
    for one in announced.select_related("system"):
        assert one.sunset_at is not None
        yield _expiry(one.system, What.INTERFACE, one.entity, one.sunset_at)
    for system in System.objects.filter(active=True):
        if end := declared_end(system):
            yield _expiry(system, What.INTERFACE, calls.descriptor(system).api_version, end)


def declared_end(system: System) -> datetime | None:
    """The day on which the vendor ends the version of the API that the connector speaks."""
    written = calls.descriptor(system).sunset
    return datetime.fromisoformat(written).replace(tzinfo=UTC) if written else None


def _changes() -> Iterable[Expiry]:
    """A source that keeps changes for a while loses what was not read by then: at the moment that
    its last page named (a stream's place), else after the time that its connector declares."""
    for feed in Feed.objects.filter(system__active=True, polled_at__isnull=False).select_related(
        "system"
    ):
        assert feed.polled_at is not None
        kept, until = calls.descriptor(feed.system).retention, feed.expires_at
        if until is None and kept is not None:
            until = feed.polled_at + kept
        if until is not None:
            half = (until - feed.polled_at) / 2
            yield Expiry(feed.system, What.CHANGES, feed.entity, until, until - half)


def _subscriptions() -> Iterable[Expiry]:
    """Those that end by themselves; and those that are gone or tell nothing, from when that was
    seen."""
    for one in Subscription.objects.filter(system__active=True).select_related("system"):
        if one.troubled_at is not None:
            at = one.troubled_at
            yield Expiry(one.system, What.SUBSCRIPTION, one.entity, at, at, one.trouble)
        elif one.expires_at is not None:
            yield _expiry(one.system, What.SUBSCRIPTION, one.entity, one.expires_at)


def _expiry(system: System, what: What, name: str, at: datetime) -> Expiry:
    return Expiry(system, what, name, at, at - WARNED[what])


def read_credentials(*, now: datetime) -> None:
    """Keep until when those credentials are good that say so themselves."""
    for system in System.objects.filter(active=True):
        for name, value in calls.connection_of(system).secrets.items():
            until = good_until(value)
            if until is not None:
                Credential.objects.update_or_create(
                    system=system, name=name,
                    defaults={
                        "expires_at": until, "source": Credential.Source.ITSELF, "noted_at": now,
                        "noted_by": None,
                    },
                )  # fmt: skip


def good_until(secret: str) -> datetime | None:
    """Until when a certificate (the first of a chain) or a JSON web token says it is good; None for
    what does not say, or cannot be read."""
    try:
        if _PEM in secret:
            return x509.load_pem_x509_certificate(secret.encode()).not_valid_after_utc
        if secret.count(".") == 2:
            claims = json.loads(base64.urlsafe_b64decode(secret.split(".")[1] + "=="))
            return datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, binascii.Error):
        return None
    return None
