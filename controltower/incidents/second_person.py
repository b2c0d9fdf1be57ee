"""One thing that waits for a second person, and the word that was given on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Model

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.firm.rights import Right, holders
from controltower.incidents.models import Answer, RunbookState
from controltower.transactions.models import Amendment


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits for one of `people`: what it is worth (`worth`, reporting currency,
    major units) and until when it can be decided, where it has either."""

    name: str
    title: str
    path: str
    by: Person
    at: datetime
    people: frozenset[Person]
    worth: Decimal | None = None
    until: datetime | None = None

    @property
    def money(self) -> str:
        """What it is worth, as the engine writes an amount; "" when nothing is known of it."""
        if self.worth is None:
            return ""
        shown = Money.of(self.worth, settings.REPORTING_CURRENCY)
        return f"{shown.currency} {shown.amount:,}"


@dataclass(frozen=True, slots=True)
class Word:
    """What was said in the end, and by whom."""

    answer: Answer
    by: Person | None = None


GONE = Word(Answer.NEEDLESS)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of ask; `word` of a key is None while it waits."""

    waiting: Callable[[datetime], Iterator[Waiting]]
    word: Callable[[str, datetime], Word | None]


def who(right: Right, *, besides: Person) -> list[Person]:
    """Who else has a right somewhere, with the duties that say where."""
    found = holders(right).exclude(pk=besides.pk)
    return list(found.prefetch_related("duties__entity"))


def word_on(model: type[Model], *agreed: str) -> Callable[[str, datetime], Word | None]:
    """The word on a row that says itself who decided; `agreed` are the states of a yes."""

    def word(key: str, now: datetime) -> Word | None:
        row: Any = model._default_manager.get(pk=key)
        if row.state in {"proposed", RunbookState.APPROVAL_PENDING}:
            return None
        if row.decided_by is None or row.state == Amendment.State.OUTDATED:
            return GONE
        return Word(Answer.AGREED if row.state in agreed else Answer.REFUSED, row.decided_by)

    return word
