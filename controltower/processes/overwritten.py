"""A tug-of-war: what the tower writes into a system is set back there, by a rule of its own. Pure.

Owners decide which value of a shared field survives. A system that does not keep to that sets its
own value anew each time, and is told the owner's each time: without an end, and without anybody who
knows. After a few rounds it is stopped, and a person decides.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.processes import survivorship
from controltower.processes.definition import Refuse

OVERWRITTEN = "overwritten"
"""What is decided about, and the field of the refusal that asks for it."""
WRITE_AGAIN, LET_STAND = "write_again", "let_stand"
"""The decisions: the owner's value is written once more, or the other one stands there."""
MOST_ROUNDS = 3
WINDOW = timedelta(hours=24)
"""So many writings of one value over the same other one within this time are a tug-of-war."""
_LONG = 32
"""Letters of a keyed sign."""

Mark = tuple[str, str, str, str]
"""System, field, and the signs of what was there and of what was written."""


@dataclass(frozen=True, slots=True)
class Writing:
    """One field that the tower has written, or is about to: where, over which value, and which."""

    system: str
    field: str
    was: str
    becomes: str

    def mark(self, key: bytes) -> Mark:
        """By what it is known again: values may be personal, and are kept as signs alone, which
        nobody without the tower's key can try names against."""
        was, becomes = (_keyed(_plain(value), key) for value in (self.was, self.becomes))
        return self.system, self.field, was, becomes


def writings(
    system: str, there: Mapping[str, Any], wanted: Mapping[str, Any], fields: Iterable[str]
) -> list[Writing]:
    """What is written into a system that shows something else than what survives."""
    return [
        Writing(system, name, str(there.get(name)), str(wanted.get(name)))
        for name in fields
        if survivorship.differs(wanted, there, name)
    ]


def fought_over(due: Iterable[Writing], earlier: Iterable[Mark], key: bytes) -> list[Writing]:
    """What is about to be written once more that was set back each time."""
    rounds = Counter(earlier)
    return [one for one in due if rounds[one.mark(key)] >= MOST_ROUNDS]


def still_stands(one: Writing, let_stand: Iterable[Mark], key: bytes) -> bool:
    """Whether a person has let this very value stand there."""
    return any(one.mark(key)[:3] == mark[:3] for mark in let_stand)


def keyed(mark: Sequence[str], key: bytes) -> Mark:
    """A mark as it was kept. Signs from before they were keyed are shorter, and made anew."""
    system, field, was, becomes = mark
    was, becomes = (one if len(one) == _LONG else _keyed(one, key) for one in (was, becomes))
    return system, field, was, becomes


def _plain(value: str) -> str:
    return hashlib.blake2b(value.encode(), digest_size=8).hexdigest()


def _keyed(plain: str, key: bytes) -> str:
    return hashlib.blake2b(plain.encode(), key=key, digest_size=_LONG // 2).hexdigest()


def stopped(one: Writing, title: str, owner: Mapping[str, Any]) -> Refuse:
    """Who overwrites what, in words. Personal values are not repeated."""
    field = survivorship.WORDS[one.field]
    values = "" if owner["personal"] else f" (“{one.was}”; the tower wrote “{one.becomes}”)"
    text = (
        f"{title} has set {field} back {MOST_ROUNDS} times within a day{values}, though"
        f" {owner['title']} owns it: a rule there must do so. Have the rule switched off, then"
        " decide that it is written again, or that what stands there is left to stand."
    )
    return Refuse(Kind.CONFLICT, text, OVERWRITTEN)
