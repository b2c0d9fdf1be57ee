"""What a process is: who starts it, which steps it plays, and what each step may conclude.

Everything here and in the process files is pure: facts in, a `Prepared` value out. The engine in
`transactions` does the calling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from controltower.canonical.calendar import Calendar
from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.promise import Counted, Promise
from controltower.canonical.verdicts import Kind
from controltower.processes.editing import Editable

ACCOUNTED = range(2000, 2200)
"""The years in which the firm's books have periods; a date outside them is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A legal entity as the business rules need it. `closed_periods` are months, "2026-10". Up to
    `revenue_tolerance`, in `currency`, the ledger may differ from what was delivered before a
    person is asked; up to `staffing_tolerance` hours a place may ask for more than somebody has."""

    code: str
    name: str
    country: str
    currency: str
    zone: str
    gather_for: timedelta
    closed_periods: frozenset[str] = frozenset()
    revenue_tolerance: Decimal = Decimal(1)
    staffing_tolerance: Decimal = Decimal(8)
    calendar: Calendar = field(default_factory=Calendar)

    def today(self, now: datetime) -> date:
        """The accounting date: the entity's own calendar day, not UTC's."""
        return now.astimezone(ZoneInfo(self.zone)).date()

    def first_open_day(self, day: date) -> date:
        """The day itself, or the first of the next month that is not closed."""
        while f"{day:%Y-%m}" in self.closed_periods:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return day


def misdated(name: str, on: date | None) -> str:
    """Why a date lies in no accounting period, or "" when it does."""
    if on is None:
        return f"{name} carries no date, so its accounting period is unknown."
    if on.year not in ACCOUNTED:
        return f"{name} is dated {on.isoformat()}, which no accounting period of the firm holds."
    return ""


def month_of(on: date | None) -> str:
    """The accounting month of a date, "" when it lies in none."""
    return f"{on:%Y-%m}" if on is not None and on.year in ACCOUNTED else ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished step learned: the target's id and what the target said."""

    ref: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a step may know. `subject` and `items` are canonical records as JSON values."""

    correlation_id: str
    reference: str
    subject: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    results: Mapping[str, Result]
    entities: Mapping[str, Entity]
    decisions: Mapping[str, Any]
    now: datetime
    books: Mapping[str, Any] = field(default_factory=dict)
    """What the tower's own books say, for a step that consults them."""

    @property
    def entity(self) -> Entity | None:
        """The legal entity of the transaction, or None when unknown."""
        return self.entities.get(str(self.subject.get("entity") or ""))

    def result(self, step: str) -> Result:
        """What an earlier step learned (empty when it was skipped)."""
        return self.results.get(step, Result())


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Go: the canonical record to map and send. `find` locates it by our own reference;
    `ordering` names the business record, of which only one call is in flight at a time."""

    record: Mapping[str, Any] = field(default_factory=dict)
    ref: str = ""
    find: Mapping[str, Any] | None = None
    ordering: str = ""


@dataclass(frozen=True, slots=True)
class Learn:
    """An internal step is done and this is what it found; `text` is what people should hear, and
    `worth` what the transaction is worth by it, None where that is as it was."""

    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    worth: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Not needed, and why, in words for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """A business rule says no: what is wrong, in words for people; nothing is sent. `worth` is what
    the transaction is worth by it and `exposure` in which way, where that is not as it was."""

    kind: Kind
    text: str
    field: str = ""
    worth: Decimal | None = None
    exposure: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait for a person's decision (`kind` period_closed) or a time, and say why."""

    kind: str
    text: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """Gathered facts, by their places among all, that go on by themselves, and why."""

    places: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Apart:
    """Not all of the gathered facts can go on together: each group that leaves becomes a
    transaction of its own, and what stays, which is never nothing, is judged anew."""

    leaving: tuple[Leaving, ...]


Prepared = Send | Learn | Skip | Refuse | Hold | Apart


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDefinition:
    """One step. `role` is the system's part ("crm", "psa", "erp"; "" plays inside the tower), or
    one system's own name where the tower's books say which it is.

    `differs` compares what was sent with what the target shows when read back: None or "" when
    they agree, else the difference in words. `editable` is the field policy: what a person may put
    right before a refused step is sent again. An inside step may learn of further steps; what it
    `consults` in the tower's books is given to it (see `books.consulted`).
    """

    name: str
    title: str
    prepare: Callable[[Facts], Prepared]
    role: str = ""
    entity: str = ""
    verb: str = ""
    needs: tuple[str, ...] = ()
    mapping: str = ""
    probe_first: bool = False
    differs: Callable[[Mapping[str, Any], Mapping[str, Any]], str] | None = None
    owner_role: str = "operator"
    editable: tuple[Editable, ...] = ()
    consults: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a transaction begins: its name for people, its value, and by when it is promised. With
    a `promise` of its own it is not the process's that is promised. `month` is the accounting
    month that its fact belongs to, "" when it moves no money. `happened` is when its fact came to
    be, by the clock of whoever told it; None where nobody measures from there."""

    title: str
    counterparty: str
    entity: str
    amount: str
    currency: str
    keys: tuple[BusinessKey, ...]
    group: str = ""
    gather_until: datetime | None = None
    due: datetime | None = None
    month: str = ""
    promise: timedelta | None = None
    happened: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where gathered facts leave a trace in a target: on which record (`role`, `entity`), and by
    which `mark` one of them is found there. It tells, after a restore, what was gathered with
    what."""

    role: str
    entity: str
    mark: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Within:
    """By when something is expected: the end of a day of the entity's own calendar."""

    days: int
    working: bool = False

    @property
    def promise(self) -> Promise:
        """The same as a promise."""
        return Promise(Counted.WORKING_DAYS if self.working else Counted.DAYS, self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A point that a chain from deal to cash reaches.

    One that is expected says when (`within`, from what makes it so), its absence in words
    (`missing`), who owns that, and who tells of it (`told_by`: a role and the feed that is read
    for it, "" when the system tells by itself): where no system does, nobody can wait for it.
    One that is reached `each` time is expected of every transaction, others once in a chain. Its
    absence is worth what made it expected, unless it holds no money up.
    """

    name: str
    title: str
    missing: str = ""
    within: Within = Within(0)
    owner_role: str = ""
    told_by: tuple[str, str] = ("", "")
    exposure: str = "unbilled"
    each: bool = False
    is_worth_its_chain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Steps that a transaction plays, under a name, with an owner."""

    name: str
    title: str
    owner_role: str
    steps: Callable[[Facts], tuple[StepDefinition, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(Workflow):
    """What stands for the absence of something that should have followed: one of `milestones`."""

    milestones: tuple[Milestone, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process(Workflow):
    """A workflow of the firm that events begin, as a declaration.

    `open` reads an event into an Opening; events with the same non-empty `group` join one
    transaction while it still gathers; `trace` says where such a group can be recognised.
    Milestones of the chain: `begins` is proven by its beginning, `reaches` once it is verified;
    `expects` are those that must follow then. What it `owes` is expected from its beginning on.
    With `every_change` a record that has changed since it was carried through is carried through
    again, by a transaction of its own, where it has `terms` only when they have; else that is
    only noted.
    `taken_back_by` names the process that follows when an approval is taken back whose fact may
    be in a target already.
    """

    starts_on: tuple[str, ...]
    promise: timedelta
    exposure: str
    stage: str
    accepts: Callable[[CanonicalEvent], bool]
    open: Callable[[CanonicalEvent, Mapping[str, Entity], datetime], Opening]
    trace: Trace | None = None
    begins: Milestone | None = None
    reaches: Milestone | None = None
    expects: tuple[Milestone, ...] = ()
    every_change: bool = False
    terms: Callable[[Mapping[str, Any]], object] | None = None
    taken_back_by: str = ""
    owes: tuple[Milestone, ...] = ()
