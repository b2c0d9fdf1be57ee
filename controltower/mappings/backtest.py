"""Back-tests: what a version would have made of the last real records, kept with the version.

The lines are stored as they were found; every figure is added up from them, so that the number of
changed invoices, their money, and the list of them can never disagree. Money is counted once per
transaction, however many of its records change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.mappings.models import BackTest, MappingVersion
from controltower.mappings.trial import Difference, Line, Outcome, Real, tried
from controltower.mappings.versions import NotAllowed

TOUCHED = (Outcome.CHANGED, Outcome.NOW_FAILS, Outcome.NOW_PASSES)
"""Where the version makes a difference."""
VERB = "back-test mapping"


def keep(
    *, version: MappingVersion, records: Iterable[Real], by: Person, now: datetime
) -> BackTest:
    """Try the version on these records and keep what was found. Raises NotAllowed (recorded)."""
    if not (may(by, Right.EDIT_MAPPING) or may(by, Right.APPROVE_MAPPING)):
        audit.record(actor=by, verb=VERB, subject=str(version), allowed=False, now=now)
        raise NotAllowed("No right to test mappings.")
    lines = [tried(real, version.rules) for real in records]
    with atomic():
        made = BackTest.objects.create(
            version=version, by=by, at=now, lines=[_stored(line) for line in lines]
        )
        touched = sum(1 for line in lines if line.outcome in TOUCHED)
        audit.record(
            actor=by, verb=VERB, subject=str(version), allowed=True, now=now,
            detail={"records": len(lines), "touched": touched},
        )  # fmt: skip
    return made


def newest(version: MappingVersion) -> BackTest | None:
    """The latest test of a version."""
    return version.back_tests.select_related("by").order_by("-at", "-pk").first()


def lines_of(test: BackTest, entities: Collection[str] | None) -> list[Line]:
    """What was found for the records of these entities; None: for all, also those of none."""
    found = (_line(stored) for stored in test.lines)
    return [line for line in found if entities is None or line.entity in entities]


def _stored(line: Line) -> dict[str, Any]:
    return asdict(line) | {"amount": str(line.amount)}


def _line(stored: dict[str, Any]) -> Line:
    return Line(
        **stored
        | {
            "amount": Decimal(stored["amount"]),
            "outcome": Outcome(stored["outcome"]),
            "differences": tuple(Difference(**one) for one in stored["differences"]),
        }
    )


@dataclass(slots=True)
class Tally:
    """Records by outcome, and the transactions that the version touches with their value, in
    `currency`, major units."""

    entity: str
    currency: str
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    transactions: int = 0
    amount: Decimal = Decimal(0)

    @property
    def records(self) -> int:
        """All that were tried."""
        return sum(self.outcomes.values())

    def of(self, *outcomes: Outcome) -> int:
        """Records with one of these outcomes."""
        return sum(self.outcomes.get(outcome, 0) for outcome in outcomes)


def tallies(lines: Sequence[Line]) -> list[Tally]:
    """By entity and currency, the one with most touched records first."""
    found: dict[tuple[str, str], Tally] = {}
    counted: set[str] = set()
    for line in lines:
        tally = found.setdefault((line.entity, line.currency), Tally(line.entity, line.currency))
        tally.outcomes[line.outcome] = tally.of(line.outcome) + 1
        if line.outcome in TOUCHED and line.reference not in counted:
            counted.add(line.reference)
            tally.transactions += 1
            tally.amount += line.amount
    return sorted(found.values(), key=lambda one: (-one.of(*TOUCHED), one.entity, one.currency))


@dataclass(frozen=True, slots=True)
class FieldTally:
    """One field of the target: in how many records it changes, and its commonest changes with how
    many records have each."""

    field: str
    records: int
    commonest: Sequence[tuple[Difference, int]]


COMMONEST = 3


def by_field(lines: Sequence[Line]) -> list[FieldTally]:
    """Field by field, the one that changes most first."""
    changes: dict[str, dict[Difference, int]] = {}
    records: dict[str, int] = {}
    for line in lines:
        for name in {one.field for one in line.differences}:
            records[name] = records.get(name, 0) + 1
        for one in line.differences:
            own = changes.setdefault(one.field, {})
            own[one] = own.get(one, 0) + 1
    return [
        FieldTally(name, count, _most(changes[name]))
        for name, count in sorted(records.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _most(counts: dict[Difference, int]) -> list[tuple[Difference, int]]:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].before, pair[0].after))
    return ordered[:COMMONEST]
