"""Personal data on pages: masked, unless asked for with a reason, for five minutes, on the record.

What is personal follows from the canonical records (`canonical/personal.py`). A transaction's own
records tell which values are: those are masked wherever they stand, in what was sent, in what a
system has answered and in sentences. In any text, mail addresses and IBANs are known by their
shape. `firm/masks.py` says which classes some roles see unasked on a transaction's own page;
everywhere else all is masked for everybody, but what `revealed.py` says was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.utils.translation import gettext as _

from controltower.canonical import personal
from controltower.canonical.records.base import Personal
from controltower.firm import audit, masks
from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.transactions import people
from controltower.transactions.models import Transaction
from controltower.web import revealed
from controltower.web.actions import only

LEAST_REASON = 10
"""Characters: enough for a word on why."""

_PAIR = re.compile(
    r'("([\w.\- ]+)"\s*:\s*)("(?:[^"\\]|\\.)*"|-?\d[\d.]*(?:[eE][+-]?\d+)?)',
)
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
SHAPES = ((Personal.CONTACT, _EMAIL), (Personal.BANK, _IBAN))


class NotAllowed(Exception):
    """This person may not see personal data; the text says who may."""


class ReasonMissing(Exception):
    """Personal data is shown only for a reason that says something."""


@dataclass(frozen=True, slots=True)
class Mask:
    """What is hidden from somebody: `hidden` classes, values known to be personal, and names of
    fields that hold such."""

    hidden: frozenset[Personal] = frozenset(Personal)
    values: Mapping[str, Personal] = field(default_factory=dict)
    names: Mapping[str, Personal] = field(default_factory=dict)

    def hides(self, name: str, value: Any = None) -> bool:
        """Whether what stands under that name is hidden."""
        kind = self.names.get(name) or personal.kind_of(name) or self.values.get(str(value))
        return kind in self.hidden and (kind is Personal.PAY or not revealed.is_shown(value))

    def field(self, name: str, value: Any) -> str:
        """One field's value as it may be shown."""
        return masked(value) if self.hides(name, value) else self.text(str(value))

    def text(self, text: str) -> str:
        """Raw text, JSON or a sentence, without what is hidden."""
        text = _PAIR.sub(self._pair, text)
        known = [one for one, kind in self.values.items() if kind in self.hidden]
        for value in sorted(known, key=len, reverse=True):
            if not revealed.is_shown(value):
                text = text.replace(value, masked(value))
        for kind, shape in SHAPES:
            if kind in self.hidden:
                text = shape.sub(_unless_shown, text)
        return text

    def record(self, value: Any) -> Any:
        """A JSON value with personal data hidden."""
        return json.loads(self.text(json.dumps(value, ensure_ascii=False, default=str)))

    def knowing(self, *records: Any, rules: Iterable[Mapping[str, Any]] = ()) -> Mask:
        """The same, with what stands under personal names in these records, at any depth, and with
        the targets of these mapping rules."""
        values, names = dict(self.values), dict(self.names)
        for rule in rules:
            if kind := personal.rule_kind(rule):
                names[str(rule.get("target", "")).rpartition(".")[2]] = kind
        for record in records:
            revealed.gather(record, names, values)
        return replace(self, values=values, names=names)

    def _pair(self, found: re.Match[str]) -> str:
        value = found[3].strip('"')
        if not value or not self.hides(found[2], value):
            return found[0]
        return f'{found[1]}"{masked(value)}"'


EVERYTHING = Mask()


def _unless_shown(found: re.Match[str]) -> str:
    return found[0] if revealed.is_shown(found[0]) else masked(found[0])


def masked(value: Any) -> str:
    """The first letter of each part and the last label: "k•••••@m•••.example"."""
    text = str(value)
    if _EMAIL.fullmatch(text):
        name, _at, host = text.partition("@")
        label = host.rpartition(".")[2]
        return f"{name[:1]}•••••@{host[:1]}•••.{label}"
    return " ".join(f"{word[:1]}••••" for word in text.split()[:4]) or ""


def masked_text(text: str) -> str:
    """Raw text without personal data, as far as its own words tell."""
    return EVERYTHING.text(text)


def of(one: Transaction) -> Mask:
    """Everything hidden, knowing what the transaction's own facts say of people."""
    return of_each([one])[one.pk]


def of_each(transactions: Iterable[Transaction]) -> dict[UUID, Mask]:
    """The same for many at once."""
    return {pk: Mask(values=values) for pk, values in people.told_by(transactions).items()}


def lifted(mask: Mask, one: Transaction, by: Person, session: SessionBase, now: datetime) -> Mask:
    """The mask as it is for this person in this session now."""
    if revealed.holds(one, by, session, now):
        return replace(mask, hidden=frozenset())
    return replace(mask, hidden=masks.hidden_from(by, _entity(one)))


def reveal(
    *, transaction: Transaction, by: Person, reason: str, session: SessionBase, now: datetime
) -> datetime:
    """Show this person the transaction's personal data until the returned moment; recorded either
    way. Raises NotAllowed or ReasonMissing."""
    entity, why = _entity(transaction), " ".join(reason.split())
    allowed = may(by, Right.REVEAL_PERSONAL, entity)
    if allowed and len(why) < LEAST_REASON:
        raise ReasonMissing(
            _("Personal data is shown only for a reason. Say why, in %(n)d characters or more.")
            % {"n": LEAST_REASON}
        )
    until = now + revealed.FOR
    shown = sorted(masks.hidden_from(by, entity)) if allowed else []
    audit.record(
        actor=by, verb="show personal data", subject=transaction.reference, allowed=allowed,
        now=now, entity=entity or "",
        detail={"reason": why[:300], "classes": shown, "until": until.isoformat()},
    )  # fmt: skip
    if not allowed:
        raise NotAllowed(only(Right.REVEAL_PERSONAL))
    return revealed.keep(transaction, session, now)


def _entity(one: Transaction) -> str | None:
    return one.entity.code if one.entity else None
