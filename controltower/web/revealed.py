"""What a person has asked to see, for a reason, counts for five minutes wherever they meet it.

The session keeps of which transactions. On every page that it reads meanwhile, what their own
records and answers say of people stands unmasked: the same name on another invoice, in a group, in
an incident. Pay does not: an equal figure elsewhere may be somebody else's. What leaves the tower
(files, mail, API) stays masked, and a right taken away ends it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from controltower.canonical import personal
from controltower.canonical.records.base import Personal
from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.transactions import people
from controltower.transactions.models import Step, Transaction

FOR = timedelta(minutes=5)
KEY = "revealed"

_shown: ContextVar[Callable[[], frozenset[str]]] = ContextVar("shown", default=frozenset)


def keep(one: Transaction, session: SessionBase, now: datetime) -> datetime:
    """Note that this session sees what a transaction says of people; until when."""
    until = now + FOR
    session[KEY] = {**_live(session, now), one.reference: until.timestamp()}
    return until


def holds(one: Transaction, by: Person, session: SessionBase, now: datetime) -> bool:
    """Whether this session sees all of that transaction now."""
    return one.reference in _live(session, now) and _may_see(one, by)


def _live(session: SessionBase, now: datetime) -> dict[str, float]:
    return {name: until for name, until in session.get(KEY, {}).items() if until > now.timestamp()}


def _may_see(one: Transaction, by: Person) -> bool:
    return may(by, Right.REVEAL_PERSONAL, one.entity.code if one.entity else None)


def is_shown(value: object) -> bool:
    """Whether the page that is being made may show this value."""
    return str(value) in _shown.get()()


@contextmanager
def to(by: Person, session: SessionBase, now: datetime) -> Iterator[None]:
    """Within, pages are made for these eyes. What they may see is read when first asked for."""
    token = _shown.set(cache(lambda: _values(by, session, now)))
    try:
        yield
    finally:
        _shown.reset(token)


def _values(by: Person, session: SessionBase, now: datetime) -> frozenset[str]:
    if not (live := _live(session, now)):
        return frozenset()
    rows = Transaction.objects.visible_to(by).filter(reference__in=live).select_related("entity")
    seen = [one for one in rows if _may_see(one, by)]
    found: dict[str, Personal] = {}
    for told in people.told_by(seen).values():
        found |= told
    for said in Step.objects.filter(transaction__in=seen).values_list("values", "sent"):
        for record in said:
            gather(record, {}, found)
    return frozenset(value for value, kind in found.items() if kind is not Personal.PAY)


def gather(value: Any, names: Mapping[str, Personal], found: dict[str, Personal]) -> None:
    """Take in what stands under personal names in a record, at any depth; `names` are such names
    besides those known everywhere."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            kind = names.get(str(name)) or personal.kind_of(str(name))
            if kind and isinstance(inner, str | int | float) and len(str(inner)) >= people.SHORTEST:
                found[str(inner)] = kind
            else:
                gather(inner, names, found)
    elif isinstance(value, list | tuple):
        for inner in value:
            gather(inner, names, found)


class RevealedMiddleware:
    """Pages that a person reads are made for their eyes. What is sent by a form, and files are
    asked for so, is not; nor is what programs ask for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        reads = request.method == "GET" and not request.path.startswith("/api/")
        if not reads or not isinstance(request.user, Person):
            return self.get_response(request)
        with to(request.user, request.session, timezone.now()):
            return self.get_response(request)
