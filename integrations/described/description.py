"""What is said of a system: its shape is `shape.json`, its meaning the classes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controltower.canonical import events, records
from controltower.canonical.records import Record
from controltower.canonical.verdicts import Effect
from controltower.canonical.wire import from_json

RECORDS: Mapping[str, type[Record]] = {
    name: kind
    for name, kind in vars(records).items()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}
EVENTS: Mapping[str, str] = {
    events.OPPORTUNITY_WON: "Opportunity",
    events.TIMESHEET_APPROVED: "TimeEntry",
    events.EXPENSE_APPROVED: "Expense",
    events.MILESTONE_APPROVED: "Milestone",
    events.INVOICE_PAID: "Payment",
    events.RESOURCE_CHANGED: "Resource",
    events.ABSENCE_CHANGED: "Absence",
    events.ASSIGNMENT_CHANGED: "Assignment",
    events.CUSTOMER_CHANGED: "Customer",
    events.CONTRACT_SIGNED: "Contract",
    events.CHANGE_ORDER_APPROVED: "ChangeOrder",
    events.PURCHASE_APPROVED: "Purchase",
}
"""Which record a kind of event tells of."""


@dataclass(frozen=True, slots=True)
class SignsIn:
    """How a call proves who makes it; every secret is a reference. `signs` is what a signed call
    signs, with its method, path, time and body; `id_header` says whose key it is."""

    by: str = "nothing"
    header: str = "Authorization"
    prefix: str = ""
    secret: str = ""
    signs: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"
    timestamp_header: str = ""
    timestamp_format: str = "seconds"
    id_header: str = ""
    id: str = ""
    user: str = ""
    password: str = ""
    token_path: str = "/oauth/token"  # noqa: S105 - where tokens are given, not one
    client_id: str = ""
    client_secret: str = ""
    scope: str = ""


NEEDED: Mapping[str, Sequence[str]] = {
    "nothing": (),
    "header": ("secret",),
    "signature": ("secret", "id"),
    "basic": ("user", "password"),
    "client_credentials": ("client_id", "client_secret"),
}
"""The credentials that each way of signing in needs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and how long the system may be called."""

    calls_per_second: int = 5
    concurrency: int = 2
    deadline_seconds: int = 20


@dataclass(frozen=True, slots=True)
class Errors:
    """Where a refusal says why, and what the system's own codes mean."""

    text: str = ""
    code: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Webhook:
    """How the system's messages are signed, and where they say what of which kind they tell."""

    secret: str
    signature_header: str
    signs: str
    kind_at: str
    kinds: Mapping[str, str]
    prefix: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"
    timestamp_header: str = ""
    timestamp_format: str = "seconds"
    tolerance_seconds: int = 300
    id_header: str = ""
    record_at: str = ""


@dataclass(frozen=True, slots=True)
class Paging:
    """How the next page of a list is asked for."""

    by: str = "none"
    parameter: str = "page"
    next: str = "next"
    first: int = 1
    size_parameter: str = ""
    size: int = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """Where records are listed. `since` asks for what changed from a moment on, that moment
    included; `sorted` says that the oldest change comes first."""

    path: str
    items: str
    since: str = ""
    since_format: str = "iso"
    sorted: bool = False
    every_seconds: int = 30
    lookback_days: int = 30
    settle_seconds: int = 30
    paging: Paging = field(default_factory=Paging)


@dataclass(frozen=True, slots=True)
class Telling:
    """The event that a record's change is, for those records that it is meant for."""

    type: str
    when: str = ""
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """How a record is found by our reference: a list that is filtered by it, and where a record
    shows it. `lag_seconds` is how long after a write the list may not have it yet."""

    path: str
    items: str
    parameter: str
    at: str
    by: str = "key"
    lag_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Writing:
    """One write. Our key goes into a header, into the path, or into a field of the record, as the
    record's own id may; `replaces` names the process's mapping in whose place the system's own
    rules stand."""

    verb: str
    method: str
    path: str
    key_header: str = ""
    key_field: str = ""
    id_field: str = ""
    key_hours: int = 0
    repeatable: bool = False
    seconds_to_finish: int = 60
    replaces: str = ""
    fields: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record: where it is, and by which rules it is read."""

    entity: str
    record: str
    id: str
    fields: Sequence[Mapping[str, Any]]
    changed: str = ""
    changed_format: str = "iso"
    read: str = ""
    record_at: str = ""
    list: Listing | None = None
    event: Telling | None = None
    find: Finding | None = None
    writes: tuple[Writing, ...] = ()

    def write(self, verb: str) -> Writing | None:
        """The declared write of that verb."""
        return next((one for one in self.writes if one.verb == verb), None)

    def effect(self, write: Writing) -> Effect:
        """How a write may be repeated, never better than what is said of it."""
        if write.key_header or "{key}" in write.path:
            return Effect.KEYED
        if write.verb != "upsert":
            safe = write.method == "PUT" or write.repeatable
            return Effect.IDEMPOTENT if safe else Effect.UNREPEATABLE
        if self.find is None:
            return Effect.UNREPEATABLE
        return Effect.LAGGING if self.find.lag_seconds else Effect.PROBED


@dataclass(frozen=True, slots=True)
class Description:
    """A system of a known shape."""

    slug: str = ""
    title: str = "Described system"
    domain: str = "any"
    role: str = ""
    base_url: str = ""
    region: str = ""
    retired: bool = False
    api_version: str = "as described"
    sunset: str = ""
    health: str = ""
    media_type: str = "application/json"
    signs_in: SignsIn = field(default_factory=SignsIn)
    limits: Limits = field(default_factory=Limits)
    errors: Errors = field(default_factory=Errors)
    webhook: Webhook | None = None
    resources: tuple[Resource, ...] = ()

    def resource(self, entity: str) -> Resource | None:
        """What is said of an entity."""
        return next((one for one in self.resources if one.entity == entity), None)

    @property
    def secrets(self) -> dict[str, str]:
        """The credentials' references by the names under which the connector uses them."""
        given = {name: str(getattr(self.signs_in, name)) for name in NEEDED[self.signs_in.by]}
        return given | ({"webhook": self.webhook.secret} if self.webhook else {})


def meant(document: Mapping[str, Any]) -> Description:
    """A document that was read before, in our classes."""
    return from_json(Description, document)
