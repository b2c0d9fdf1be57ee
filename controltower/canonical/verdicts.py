"""What a call to another system came to, in words the business rules understand.

A verdict never carries a vendor's HTTP code as its meaning: `5-connectors` lists how often a status
alone misleads (200 with an error body, 403 for a spent quota, 400 for "already done").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Why something did not happen: a closed list; retry policy and page wording hang on it."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    PERMISSION = "permission"
    VALIDATION = "validation"
    REFERENCE_MISSING = "reference_missing"
    PERIOD_CLOSED = "period_closed"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    NOT_FOUND = "not_found"
    ALREADY_DONE = "already_done"
    OUTAGE = "outage"
    CONTRACT = "contract"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What a successful call did to the target."""

    READ = "read"
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ALREADY_DONE = "already_done"


class Effect(StrEnum):
    """How a call may be repeated; the effect class of the target decides the recipe.

    read: no effect. idempotent: same call, same state. keyed (class A): native key or unique
    external id. probed (class B): no key, but our reference can be looked up at once. lagging
    (class C): as B through a lagging index. unrepeatable (class D): neither key nor look-up.
    """

    READ = "read"
    IDEMPOTENT = "idempotent"
    KEYED = "keyed"
    PROBED = "probed"
    LAGGING = "lagging"
    UNREPEATABLE = "unrepeatable"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What went over the wire for one call, credentials never included."""

    request: str = ""
    response: str = ""
    status: int | None = None
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class FieldError:
    """The target's complaint about one field of the record it was sent."""

    field: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Base of all verdicts; `exchange` is kept with the attempt."""

    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Verdict):
    """The target has it. `ref` is the target's own id, `values` what it says of the record now."""

    ref: str
    outcome: Outcome
    version: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending(Verdict):
    """Accepted as a job of the target. After `after` it is looked up by our reference, or sent
    once more under its key; either tells what became of the job."""

    job: str
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TryLater(Verdict):
    """Proven not to have happened, and may work later (transient, rate_limited, conflict)."""

    kind: Kind
    text: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable(Verdict):
    """The request never reached the system: safe to send again; counts against its circuit."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Verdict):
    """The system refused, in its own words; nothing was written."""

    kind: Kind
    text: str
    fields: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Verdict):
    """Sent, but no trustworthy answer: it may or may not have happened. Never resend blindly."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconfigured(Verdict):
    """Our side is wrong: credentials, permission, address or contract. A person must act."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Quota:
    """What is known of a connection's limits; every part may be unknown (None)."""

    used: int | None = None
    limit: int | None = None
    resets_at: datetime | None = None

    @property
    def share(self) -> float | None:
        """Used part of the limit, 0.0 to 1.0, or None when unknown."""
        if self.used is None or not self.limit:
            return None
        return self.used / self.limit
