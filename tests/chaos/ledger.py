"""Three sets of books compared: what was accepted, what the tower says, what the targets hold.

Pure, so that it can be shown to fail. A fact is lost when nobody answers for it, doubled when a
target holds its effect twice, stuck when it is live and nothing will move it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

REFERENCE = len("CT-7F3K9QA2WX")
"""A key is the reference of its transaction, and which of its records it is."""


class Standing(StrEnum):
    """Where the tower says that a fact is."""

    DONE = "done"
    LIVE = "live"
    PARKED = "parked"
    IN_DOUBT = "in doubt"
    CLOSED = "closed"
    """Superseded by a newer version, or nothing follows from it; the event says which."""
    UNREAD = "unread"
    SET_ASIDE = "set aside"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was accepted: by a 202, or by the source's own books. `record` is the id of
    the deal, timecard or expense it is about, which the targets name too."""

    id: str
    record: str
    kind: str


@dataclass(frozen=True, slots=True)
class Position:
    """What the tower's books say of one fact. `owned` is whether a person sees it."""

    standing: Standing
    reference: str = ""
    text: str = ""
    owned: bool = True


@dataclass(frozen=True, slots=True)
class Effect:
    """A record that the tower wrote in a target: by which key, for which facts, over how much."""

    target: str
    key: str
    ref: str
    records: frozenset[str] = frozenset()
    amount: Decimal | None = None
    worth: Decimal | None = None
    """What the source's books say that its facts are worth together."""


@dataclass(slots=True)
class Findings:
    """What the comparison found; each line says what and where."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    done: int = 0
    closed: int = 0

    @property
    def sound(self) -> bool:
        """Nothing lost, doubled, stuck or wrong; doubt and parking have owners."""
        return not (self.lost or self.duplicated or self.stuck or self.wrong)


def compare(
    facts: Iterable[Fact],
    positions: Mapping[str, Position],
    effects: Iterable[Effect],
    references: Collection[str],
) -> Findings:
    """Compare the three. `positions` are by fact id; `references` are all that the tower gave."""
    findings, known = Findings(), list(effects)
    holding: dict[str, list[Effect]] = defaultdict(list)
    for effect in known:
        for record in effect.records:
            holding[record].append(effect)
    for fact in facts:
        _place(findings, fact, positions.get(fact.id), holding.get(fact.record, []))
    _count(findings, known)
    findings.wrong += [
        f"{effect.target} holds {effect.key} ({effect.ref}), which the tower does not know"
        for effect in known
        if effect.key[:REFERENCE] not in references
    ]
    return findings


def _place(
    findings: Findings, fact: Fact, position: Position | None, effects: list[Effect]
) -> None:
    name = f"{fact.kind} {fact.id}"
    if position is None:
        findings.lost.append(f"{name}: accepted, and not in the tower's books")
        return
    where = f"{name} ({position.reference}) {position.text}".strip()
    match position.standing:
        case Standing.DONE if not effects:
            findings.lost.append(f"{where}: done in the tower, and not in the target's books")
        case Standing.DONE:
            findings.done += 1
        case Standing.CLOSED:
            findings.closed += 1
        case Standing.LIVE | Standing.UNREAD:
            findings.stuck.append(where)
        case _ if not position.owned:
            findings.stuck.append(f"{where}: nobody sees it")
        case Standing.IN_DOUBT:
            findings.in_doubt.append(where)
        case _:
            findings.parked.append(where)


def _count(findings: Findings, effects: list[Effect]) -> None:
    """Each key once, each record in one effect of a target, and worth what its facts are worth."""
    keys = Counter((effect.target, effect.key) for effect in effects)
    for (target, key), times in keys.items():
        if times > 1:
            findings.duplicated.append(f"{target} holds {key} {times} times")
    records = Counter((e.target, record) for e in effects for record in e.records)
    for (target, record), times in records.items():
        if times > 1:
            findings.duplicated.append(f"{target} holds {record} in {times} records")
    for effect in effects:
        if effect.worth is not None and effect.amount != effect.worth:
            findings.wrong.append(
                f"{effect.target} {effect.key} ({effect.ref}) is over {effect.amount}; its facts "
                f"are worth {effect.worth}"
            )
