"""The port: what a connector must do, in canonical words only.

A connector is asynchronous, touches no database, never sleeps and never retries (one token refresh
on 401 apart): it translates, calls once, and says what came of it. The engine schedules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import Record
from controltower.canonical.verdicts import Effect, Quota, Verdict
from integrations.needed import Needs


class ChangeFeed(StrEnum):
    """How a system tells what changed."""

    STREAM = "stream"
    POLL = "poll"
    FLAG = "flag"
    QUEUE = "queue"
    FILE = "file"
    NONE = "none"


class Auth(StrEnum):
    """How a connection signs in; a session is renewed once when it has ended."""

    LOGIN = "user and password for a session"
    CLIENT_CREDENTIALS = "client credentials for a token"
    SIGNED_ASSERTION = "a signed assertion for a token"
    REFRESH = "a refresh token for a token"
    BASIC = "a key or password with every call"
    SIGNED_CALLS = "a signature on every call"
    CERTIFICATE = "a certificate or key of the connection"
    CERTIFIED_CLIENT = "a certificate, and client credentials for a token"
    NONE = "nothing"

    @property
    def has_session(self) -> bool:
        """Whether there is a session that ends."""
        return self in {
            Auth.LOGIN,
            Auth.CLIENT_CREDENTIALS,
            Auth.CERTIFIED_CLIENT,
            Auth.SIGNED_ASSERTION,
            Auth.REFRESH,
        }


class Verification(StrEnum):
    """How far the connector has been proven; shown to people, never more than is true."""

    LIVE = "ran against a live system"
    REAL_COUNTERPART = "ran against the real system, run locally"
    CONTRACT = "passes the vendor's contract"
    SANDBOX = "ran against our sandbox"
    DESCRIBED = "as described by its user, not proven by us"


@dataclass(frozen=True, slots=True)
class Operation:
    """One write the connector offers and how it may be repeated.

    `quarantine` is the longest the upstream may still finish a request we gave up on: no probe's
    "absent" counts before it has passed. `key_for` is how long it remembers a key after its first
    use (None: for ever); afterwards it must be asked before anything is sent again.
    """

    entity: str
    verb: str
    effect: Effect
    quarantine: timedelta = timedelta(seconds=15)
    key_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a connector declares of itself; the conformance suite proves it.

    `retention` is how long the source keeps changes for us (None: for good); `sunset` the day on
    which the vendor ends this API version, ISO 8601; `told` what it tells by subscriptions, which
    the connector lists (`Subscribed`); `lacks` what others of its kind can and it cannot, in
    sentences; `needs` what a connection of it is made of.
    """

    name: str
    title: str
    domain: str
    api_version: str
    feeds: Mapping[str, ChangeFeed]
    operations: Sequence[Operation]
    verification: Verification
    auth: Auth = Auth.CLIENT_CREDENTIALS
    concurrency: int = 8
    retention: timedelta | None = None
    sunset: str = ""
    told: Sequence[str] = ()
    lacks: Sequence[str] = ()
    needs: Needs = field(default_factory=Needs)

    def operation(self, entity: str, verb: str) -> Operation:
        """The declared operation. Raises KeyError when the connector does not offer it."""
        for operation in self.operations:
            if (operation.entity, operation.verb) == (entity, verb):
                return operation
        raise KeyError(f"{self.name} does not offer {verb} on {entity}")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a system is and how to sign in. `secrets` is resolved from references at call time
    and must never be logged, stored or put into an Exchange. `options` are the connector's own
    declared settings. The only host that may be called is `base_url`'s."""

    slug: str
    base_url: str
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    deadline: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Change:
    """One changed record: the bytes as read (kept for ever) and what they mean."""

    raw: bytes
    event: CanonicalEvent


@dataclass(frozen=True, slots=True)
class Unread:
    """A row of a feed that could not be translated: its bytes, and why. `ref` is the record's id,
    "" where the row does not say; `told_as` what `ack` is to be told once the row is kept, "" where
    the source need not hear of it."""

    raw: bytes
    ref: str
    reason: str
    told_as: str = ""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of a change feed.

    Commit `next_cursor` together with the changes, then `ack`. `gap` says that changes may have
    been missed and a reconciliation is due; `expires_at` when this cursor loses data; `trouble`
    what is wrong although the page was read, such as another way than the declared one. `listened`
    is how long was waited for something to happen, which says nothing of the system's speed.
    `aside` are rows that could not be read while others could: they are kept with their reasons.
    """

    changes: Sequence[Change]
    next_cursor: str
    has_more: bool = False
    gap: bool = False
    expires_at: datetime | None = None
    trouble: str = ""
    listened: timedelta = timedelta(0)
    aside: Sequence[Unread] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """What reconciliation compares: a record's own reference, version and amount."""

    ref: str
    key: str
    version: str = ""
    amount: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a vendor sends changes of `entity` to our door by itself. `expires_at` is when it stops
    unless it is renewed (None: never); `trouble` why it tells nothing, or less than it should, ""
    when all is well."""

    entity: str
    ref: str
    expires_at: datetime | None = None
    trouble: str = ""


class Connector(Protocol):
    """One vendor's door. Reads raise CallFailed with the verdict; writes return verdicts.

    An entity or action that is not offered is told as Misconfigured (contract), with nothing sent.
    So is a read whose answer is not shaped as agreed; a write whose answer is not is Unknown.
    """

    descriptor: Descriptor

    async def close(self) -> None:
        """Give sockets back."""

    async def health(self) -> Verdict:
        """A cheap authenticated call: Done when reachable and signed in."""

    def rate_limit(self) -> Quota:
        """What the last answers said of the connection's quota."""

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Changes after `cursor` ("" = from now on minus the source's retention), oldest first,
        without loss at equal timestamps. Raises CallFailed."""

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """What the bytes of a change mean, without asking the system; None where they do not
        hold the whole record. Pure."""

    async def ack(self, refs: Sequence[str]) -> None:
        """Tell the source that we have committed the changes of these event ids, or what was set
        aside (flag, delete or move; nothing for polls). May be repeated. Raises CallFailed."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """Read one record: Done(values=canonical record as a dict) or Rejected(not_found)."""

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Look a record up by our reference: Done(ref) when exactly one, Rejected(not_found) when
        proven absent, Rejected(duplicate) naming all when several, Pending while a job of the
        target still works on it. The business key holds the fields the process gave, or
        {"key": idempotency key} for systems that store our key."""

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Would an upsert of this record be refused? The refusal, or None when nothing known
        speaks against it. Reads only: codes, periods and references are looked up."""

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Create or update from target fields already mapped; the key is stable for ever."""

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """A business verb on an existing record ("post", "mark_invoiced", "update")."""

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Keys and amounts in a window, for reconciliation. Raises CallFailed."""


@runtime_checkable
class Receiver(Protocol):
    """A connector whose vendor also tells changes by signed messages of its own dialect."""

    def verify_inbound(
        self, headers: Mapping[str, str], raw: bytes, now: datetime
    ) -> Sequence[Change]:
        """What a signed message says; `headers` by lower-case name. The signature is checked on the
        raw bytes before anything is parsed, by each of the secret's keys (several, separated by
        spaces, while they are rotated). Raises Forged, or Drift when what was signed cannot be
        read."""


@runtime_checkable
class Subscribed(Protocol):
    """A connector whose vendor tells changes by subscriptions, which end or are taken away."""

    async def subscriptions(self, address: str) -> Sequence[Subscription]:
        """Those that point at our door's `address`, also when they are switched off. Reads only.
        Raises CallFailed."""


@runtime_checkable
class Rereader(Protocol):
    """A connector that sets rows of its feeds aside, and can read them anew."""

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """What a row that was set aside tells now, by the code and the terms of today: of its
        bytes, or of its record at the source where they do not tell enough. None for a row that is
        no fact any more. Raises Drift while it cannot be read, CallFailed."""


class Forged(Exception):
    """A message is not signed by the system, or not of this time; the text says which."""


class CallFailed(Exception):
    """A read came to something else than data; `verdict` says what."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(type(verdict).__name__)
        self.verdict = verdict
