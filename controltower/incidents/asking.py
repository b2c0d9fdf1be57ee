"""Telling those who may decide that somebody asks them to, once, and what became of it.

What waits is read from where it is kept (`second_persons.py`), again and again, so that nothing
depends on every place that asks to remember this one. Each person gets one message by each of their
ways, whatever happens twice; the tray shows what still waits at the moment of looking.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.transaction import atomic

from controltower.firm.models import Person
from controltower.incidents.models import Ask, Message, Wish
from controltower.incidents.notices import after_quiet, ways
from controltower.incidents.second_person import GONE, Waiting
from controltower.incidents.second_persons import KINDS, kind_of
from controltower.transactions import bell

MOST_SHOWN = 9


def follow(*, now: datetime) -> int:
    """Bring the asks up to date and tell whoever has not been told; returns how many are new or
    settled."""
    waiting = {one.name: one for kind in KINDS.values() for one in kind.waiting(now)}
    known = {one.name: one for one in Ask.objects.open().prefetch_related("people")}
    over = [ask for name, ask in known.items() if name not in waiting]
    for ask in over:
        _settle(ask, now)
    changed = [name for name, one in waiting.items() if _keep(one, known.get(name), now)]
    if over or changed:
        bell.ring("asks")
    return len(over) + len(changed)


def _settle(ask: Ask, now: datetime) -> None:
    kind, key = kind_of(ask.name)
    word = kind.word(key, now) or GONE
    ask.answer, ask.settled_by, ask.settled_at = word.answer, word.by, now
    ask.save(update_fields=["answer", "settled_by", "settled_at"])


def _keep(one: Waiting, ask: Ask | None, now: datetime) -> bool:
    """Write down that it waits, for whom, and their messages; whether anything was new."""
    people = set(ask.people.all()) if ask else set()
    if ask is not None and people == one.people:
        return False
    with atomic():
        if ask is None:
            ask, _made = Ask.objects.update_or_create(
                name=one.name,
                defaults={
                    "title": one.title[:200], "path": one.path, "asked_by": one.by,
                    "asked_at": one.at, "answer": "", "settled_at": None, "settled_by": None,
                },
            )  # fmt: skip
        ask.people.set(one.people)
        _tell(ask, one, sorted(one.people - people, key=lambda person: person.pk), now)
    return True


def _tell(ask: Ask, one: Waiting, people: Iterable[Person], now: datetime) -> None:
    wishes = {wish.person_id: wish for wish in Wish.objects.filter(person__in=people)}
    told = ((person, wishes.get(person.pk) or Wish(person=person)) for person in people)
    subject = f"{one.by} asks for your approval: {one.title}"[:200]
    Message.objects.bulk_create(
        [
            Message(
                name=f"ask-{ask.pk}-{person.pk}-{channel}", person=person, ask=ask, to=to,
                channel=channel, subject=subject, text=_text(one, person), created_at=now,
                due_at=due, held=due > now,
            )
            for person, wish in told
            for due in [after_quiet(wish, person, now, wakes=False)]
            for channel, to in ways(wish, person)
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _text(one: Waiting, person: Person) -> str:
    """What it is, what it is worth, by when, and where to decide."""
    lines = [f"{one.title}.", f"It is worth {one.money}." if one.money else ""]
    if one.until:
        until = f"{one.until.astimezone(ZoneInfo(person.zone)):%d %B %Y %H:%M}"
        lines.append(f"It can be decided until {until} ({person.zone}).")
    lines.append(f"Decide here: {settings.ADDRESS}{one.path}")
    return "\n".join(line for line in lines if line)


def waiting_for(person: Person, now: datetime) -> list[Ask]:
    """What waits for this person's word at this moment, the newest first: what somebody has decided
    since `follow` looked is left out."""
    asks = Ask.objects.open().filter(people=person).select_related("asked_by")[:MOST_SHOWN]
    return [ask for ask in asks if _waits(ask, now)]


def _waits(ask: Ask, now: datetime) -> bool:
    kind, key = kind_of(ask.name)
    return kind.word(key, now) is None
