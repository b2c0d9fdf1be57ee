"""Try a version's rules on a record that was really sent, and tell what would be different. Pure.

Before is what the version did that the record was pinned to; after is what the rules tried would
do. Values of personal fields are compared, and never told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from controltower.canonical.personal import rule_kind
from controltower.canonical.rules import Applied, Gap, apply

Rules = Sequence[Mapping[str, Any]]
HIDDEN = "•••"


class Outcome(StrEnum):
    """What becomes of one record."""

    SAME = "same"
    CHANGED = "changed"
    NOW_FAILS = "now_fails"
    NOW_PASSES = "now_passes"
    STILL_FAILS = "still_fails"


@dataclass(frozen=True, slots=True)
class Real:
    """A record as it was sent: which step of which transaction, worth what (major units), and the
    rules that it was mapped by."""

    reference: str
    chain: str
    title: str
    entity: str
    amount: Decimal
    currency: str
    record: Mapping[str, Any]
    rules: Rules
    version: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of the target that would hold something else."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of one record: kept with the version, so that every figure is a sum of these."""

    reference: str
    chain: str
    title: str
    entity: str
    amount: Decimal
    currency: str
    version: int
    outcome: Outcome
    why: str = ""
    differences: tuple[Difference, ...] = field(default=())


def tried(real: Real, rules: Rules) -> Line:
    """What the rules would make of a record."""
    before, after = apply(real.rules, real.record), apply(rules, real.record)
    personal = {*_personal(real.rules), *_personal(rules)}
    both_pass = not before.gaps and not after.gaps
    differences = tuple(_differences(before, after, personal)) if both_pass else ()
    return Line(
        reference=real.reference,
        chain=real.chain,
        title=real.title,
        entity=real.entity,
        amount=real.amount,
        currency=real.currency,
        version=real.version,
        outcome=_outcome(before, after, differences),
        why=_why(after.gaps, personal),
        differences=differences,
    )


def _outcome(before: Applied, after: Applied, differences: Sequence[Difference]) -> Outcome:
    if after.gaps:
        return Outcome.STILL_FAILS if before.gaps else Outcome.NOW_FAILS
    if before.gaps:
        return Outcome.NOW_PASSES
    return Outcome.CHANGED if differences else Outcome.SAME


def _why(gaps: Sequence[Gap], personal: set[str]) -> str:
    """The first thing that is missing, in the words a refused step would carry."""
    if not gaps:
        return ""
    return f"“{gaps[0].field}” cannot be mapped." if gaps[0].field in personal else gaps[0].text


def _personal(rules: Rules, within: str = "") -> Iterator[str]:
    """The targets that hold personal data, under their list."""
    for rule in rules:
        target = f"{within}{rule.get('target')}"
        if rule_kind(rule) is not None:
            yield target
        if rule.get("rule") == "each":
            yield from _personal(rule.get("rules", ()), f"{target}[].")


def _differences(before: Applied, after: Applied, personal: set[str]) -> Iterator[Difference]:
    was, is_ = dict(_flat(before.record)), dict(_flat(after.record))
    told: set[Difference] = set()
    for place in [*is_, *(place for place in was if place not in is_)]:
        if was.get(place) == is_.get(place):
            continue
        name = place[1]
        hidden = name in personal
        one = Difference(
            name,
            HIDDEN if hidden else _word(was.get(place)),
            HIDDEN if hidden else _word(is_.get(place)),
        )
        if one not in told:
            told.add(one)
            yield one


Place = tuple[tuple[int, ...], str]
"""Which elements of lists, and the field's name without them: ((2,), "lines[].tax_code")."""


def _flat(value: Any, at: tuple[int, ...] = (), name: str = "") -> Iterator[tuple[Place, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, at, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flat(inner, (*at, index), f"{name}[]")
    else:
        yield (at, name), value


def _word(value: Any) -> str:
    return "" if value is None else str(value)
