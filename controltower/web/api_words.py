"""The words of the JSON API: what it takes and what it tells."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import ConfigDict, StringConstraints

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.transactions.models import TransactionState
from controltower.web.api_promises import PromiseOut

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""A key or a name as callers give it; control characters name nothing."""


class Refusal(Exception):
    """An answer that is a problem document."""

    def __init__(self, status: int, name: str, title: str, detail: str) -> None:
        super().__init__(title)
        self.status, self.name, self.title, self.detail = status, name, title, detail


class Amount(Schema):
    """An exact amount in major units."""

    amount: str = Field(examples=["48000.00"])
    currency: str = Field(examples=["EUR"])

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Amount:
        """With the currency's own decimals; as it stands where the currency is not known."""
        try:
            return cls(amount=str(Money.of(amount, currency).amount), currency=currency)
        except (UnknownCurrency, NotAnAmount):
            return cls(amount=str(amount), currency=currency)


class KeyOut(Schema):
    """A name under which a transaction is found."""

    kind: str
    value: str


class TransactionOut(Schema):
    """One process run for one business matter."""

    reference: str
    correlation_id: str
    process: str
    entity: str | None
    title: str
    counterparty: str
    amount: Amount
    state: TransactionState
    wait: str
    wait_text: str
    due_at: datetime | None
    promise: PromiseOut
    started_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    keys: list[KeyOut]


class TransactionPage(Schema):
    """Newest first. `next` is the `after` of the next page, null on the last."""

    items: list[TransactionOut]
    next: str | None


class AttemptOut(Schema):
    """One call; what was sent and answered is shown on the transaction's page only."""

    number: int
    purpose: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    milliseconds: int | None
    status: int | None
    kind: str
    text: str
    idempotency_key: str
    generation: int
    mapping_version: str | None


class StepOut(Schema):
    """One step's present position."""

    id: UUID
    name: str
    title: str
    system: str | None
    state: str
    effect: str
    tries: int
    due_at: datetime | None
    ref: str
    kind: str
    text: str
    fence: int
    attempts: list[AttemptOut]


class EntryOut(Schema):
    """What happened, when."""

    at: datetime
    kind: str
    step: str
    actor: str
    text: str


class ReceivedOut(Schema):
    """An event that the transaction rests on. `sha256` is of its body as it came, by which a copy
    can be proven, also once the body was removed by a policy. No body is told here."""

    record: str
    source: str
    event_id: str
    received_at: datetime
    sha256: str
    body_removed_at: datetime | None
    body_kept_days: int | None


class TransactionDetail(TransactionOut):
    """A transaction with everything that happened to it."""

    steps: list[StepOut]
    timeline: list[EntryOut]
    received: list[ReceivedOut]


class Journey(Schema):
    """The transactions of one chain, from deal to cash, or the one that was asked for."""

    correlation_id: str
    transactions: list[TransactionDetail]


class CauseOut(Schema):
    """Why something is stuck, and what hangs on it: counted once along each chain."""

    id: int
    title: str
    kind: str
    system: str | None
    step: str
    owner: str | None
    owner_role: str
    count: int
    at_stake: Amount
    by_currency: list[Amount]
    oldest: datetime
    due: datetime | None
    late: int


class ReplayIn(Schema):
    """What to replay: steps, or all that is stuck in transactions or for a cause."""

    model_config = ConfigDict(extra="forbid")

    steps: list[UUID] = Field(default_factory=list, max_length=5000)
    transactions: list[Text] = Field(default_factory=list, max_length=5000)
    exception: int | None = Field(None, ge=1, le=2**31)
    mapping: Literal["now", "then"] = "now"
    title: Text | None = None


class ReleaseIn(Schema):
    """The seal of exactly the plan that is meant."""

    model_config = ConfigDict(extra="forbid")

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ReplayItemOut(Schema):
    """One step in a plan: what would happen, and what did."""

    transaction: str
    step: UUID
    forecast: str
    why: str
    amount: Amount
    state: str
    text: str


class ExpectedOut(Schema):
    """When a running replay will have ended, by the pace of the last five minutes on its slowest
    connection. `ends_at` is null while nothing comes back; `measured` is false while the pace is
    the most that it may take. `margin_seconds` is the time from the end to the next promise of
    what is left: negative when it comes too late. `late` counts what is past its promise."""

    ends_at: datetime | None
    measured: bool
    promise_at: datetime | None
    promise_of: str | None = Field(examples=["time-and-expense-to-billing"])
    margin_seconds: int | None
    late: int


class ReplayOut(Schema):
    """A replay plan. While `state` is draft, the targets are still being asked."""

    id: UUID
    title: str
    state: str
    mapping: str
    digest: str
    expires_at: datetime | None
    needs_second_person: bool
    requested_by: str
    requested_at: datetime
    released_at: datetime | None
    ended_at: datetime | None
    stopped_because: str
    expected: ExpectedOut | None = Field(description="Null while it does not run.")
    counts: dict[str, int]
    items: list[ReplayItemOut]


class AmendmentIn(Schema):
    """Fields of a refused step as they shall be sent, by the names of its field policy.

    `fence` is the step's, as it was when somebody looked.
    """

    model_config = ConfigDict(extra="forbid")

    step: UUID
    fence: int = Field(ge=0, le=2**31 - 1)
    fields: dict[Text, Annotated[str, StringConstraints(max_length=400)]]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300)]


class AgreementIn(Schema):
    """The second person's word on an edit."""

    model_config = ConfigDict(extra="forbid")

    agree: bool


class AmendmentOut(Schema):
    """An edit. While `state` is proposed, nothing is sent."""

    id: int
    step: UUID
    changed: list[str]
    reason: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class FindingIn(Schema):
    """What somebody found who looked in the target; without a number it is not there.

    `fence` is the step's, as it was when they looked.
    """

    model_config = ConfigDict(extra="forbid")

    step: UUID
    fence: int = Field(ge=0, le=2**31 - 1)
    number: Text | None = None
    evidence: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300)]


class ConfirmationIn(Schema):
    """The second person's word."""

    model_config = ConfigDict(extra="forbid")

    confirm: bool


class FindingOut(Schema):
    """A finding. While `state` is proposed, nothing is sent or linked."""

    id: int
    step: UUID
    number: str | None
    evidence: str
    reason: str
    state: str
    reported_by: str
    reported_at: datetime
    decided_by: str | None
    decided_at: datetime | None
