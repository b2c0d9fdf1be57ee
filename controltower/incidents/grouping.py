"""People decide what stands together: letters are split off from their cause, or causes are joined.

A decision is a rule that sticks: what becomes stuck later follows it, until it is taken back. Open
incidents follow what is joined, and say what was split off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.db.transaction import atomic

from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.incidents import letters, sorting, timeline, triage
from controltower.incidents.models import (
    By,
    Cause,
    DeadLetter,
    EntryKind,
    Grouping,
    Incident,
)
from controltower.transactions import sets
from controltower.transactions.protocol import STUCK


class Pointless(Exception):
    """It would change nothing, or never end; the text says why."""


def split(*, cause: Cause, by: By, value: str, reason: str, person: Person, now: datetime) -> Cause:
    """Letters of the cause with this value get a cause of their own, which has no owner yet.

    Raises NotAllowed, ReasonMissing or Pointless.
    """
    _require(cause, "split", person, now, _company(by, value))
    _require_reason(reason)
    if by is By.ALL or not value:
        raise Pointless("Say which part of it stands alone.")
    with atomic():
        part, _made = Cause.objects.get_or_create(
            fingerprint=_name(cause, by, value),
            defaults={
                "title": f"{cause.title[:200]} ({value})"[:240],
                "system": cause.system,
                "step_name": cause.step_name,
                "kind": cause.kind,
                "owner_role": cause.owner_role,
                "first_seen_at": now,
                "last_seen_at": cause.last_seen_at,
            },
        )
        if _leads(part, cause):
            raise Pointless("That part was joined with this cause; take that back first.")
        _decide(cause, by, value, part, reason, person, now)
        for incident in Incident.objects.open().filter(causes=cause):
            text = f"It stands alone now, with no part in this incident: {part.title}"
            timeline.tell(incident, EntryKind.LINKED, text, by=person, now=now)
    return part


def join(*, cause: Cause, into: Cause, reason: str, person: Person, now: datetime) -> None:
    """Everything of a cause stands under another. Raises NotAllowed, ReasonMissing or Pointless."""
    _require(cause, "join", person, now)
    _require_reason(reason)
    with atomic():
        if _leads(into, cause):
            raise Pointless("They stand together already, or one was split off from the other.")
        decision = _decide(cause, By.ALL, "", into, reason, person, now)
        _incidents_follow(cause, decision, person, now)


def _incidents_follow(cause: Cause, decision: Grouping, person: Person, now: datetime) -> None:
    """The open incidents of a joined cause go on with the one it stands under; where that has its
    own, they say so and go quiet."""
    into = decision.cause
    own = Incident.objects.open().filter(causes=into).first()
    for incident in Incident.objects.open().filter(causes=cause).exclude(causes=into):
        if own is None:
            incident.causes.add(into)
            decision.brought.add(incident)
            text = _joined(cause, into)
        else:
            text = f"“{cause.title}” was joined with another group and goes on in {own.name}."
        timeline.tell(incident, EntryKind.LINKED, text, by=person, now=now)


def _joined(cause: Cause, into: Cause) -> str:
    """What an incident says of a cause that was joined: two may be called the same."""
    if cause.title == into.title:
        return f"“{cause.title}” was joined with another group of that name, which belongs here."
    return f"“{cause.title}” was joined with another group, which belongs here: {into.title}"


def take_back(*, grouping: Grouping, person: Person, now: datetime) -> Cause:
    """Let letters stand where they would without the decision; returns the cause of origin.

    Raises NotAllowed or Pointless.
    """
    origin = Cause.objects.get(fingerprint=grouping.fingerprint)
    _require(origin, "take back grouping", person, now, _company(By(grouping.by), grouping.value))
    with atomic():
        if not Grouping.objects.in_force().filter(pk=grouping.pk).update(ended_at=now):
            raise Pointless("Somebody has taken it back already.")
        _sort_anew([origin, grouping.cause], now)
        _incidents_part(origin, grouping, person, now)
    triage.tell(person, "take back grouping", origin, now, {"grouping": str(grouping)})
    return origin


def _incidents_part(origin: Cause, grouping: Grouping, person: Person, now: datetime) -> None:
    """What a join brought to an incident leaves it again, and the incidents of the other cause hear
    what stands alone again."""
    into = grouping.cause
    still = Grouping.objects.in_force().filter(cause=into, by=By.ALL).values("fingerprint")
    leaving = grouping.brought.open().exclude(causes__fingerprint__in=still)
    parted = [(incident, into) for incident in leaving]
    if grouping.by == By.ALL:
        others = Incident.objects.open().filter(causes=into).exclude(causes=origin)
        parted += [(incident, origin) for incident in others]
    for incident, cause in parted:
        incident.causes.remove(cause)
        text = f"It stands alone again, with no part in this incident: {cause.title}"
        timeline.tell(incident, EntryKind.LINKED, text, by=person, now=now)


def about(cause: Cause) -> Sequence[Grouping]:
    """The decisions in force that brought letters here or took them away."""
    in_force = Grouping.objects.in_force().select_related("cause", "decided_by")
    here = in_force.filter(cause=cause) | in_force.filter(fingerprint=cause.fingerprint)
    return list(here)


def joined_into(cause: Cause) -> Cause | None:
    """The cause under which all of this one stands, if somebody has joined them."""
    found = Grouping.objects.in_force().filter(fingerprint=cause.fingerprint, by=By.ALL)
    first = found.select_related("cause").first()
    return first.cause if first else None


def _company(by: By, value: str) -> str | None:
    return value if by is By.ENTITY else None


def _require(
    cause: Cause, verb: str, person: Person, now: datetime, company: str | None = None
) -> None:
    """One company's work may be split off by whoever handles its causes. Raises NotAllowed."""
    if company is None or not may(person, Right.ASSIGN, company):
        triage.require(person, verb, cause, now)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise triage.ReasonMissing


def _name(cause: Cause, by: By, value: str) -> str:
    text = "\x00".join((cause.fingerprint, by, value))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _leads(start: Cause, to: Cause) -> bool:
    """Whether decisions in force lead from one cause to another, or they are one."""
    ways: dict[str, set[str]] = {}
    for (fingerprint, _by, _value), cause in sorting.in_force().items():
        ways.setdefault(fingerprint, set()).add(cause.fingerprint)
    seen, ahead = set(), {start.fingerprint}
    while ahead:
        seen |= ahead
        ahead = {one for mark in ahead for one in ways.get(mark, ())} - seen
    return to.fingerprint in seen


def _decide(
    cause: Cause, by: By, value: str, to: Cause, reason: str, person: Person, now: datetime
) -> Grouping:
    decision, made = Grouping.objects.get_or_create(
        fingerprint=cause.fingerprint,
        by=by,
        value=value,
        ended_at=None,
        defaults={"cause": to, "reason": reason[:300], "decided_by": person, "decided_at": now},
    )
    if not made:
        raise Pointless("Somebody has decided this already.")
    _sort_anew([cause], now)
    verb = "split" if by else "join"
    detail = {"by": by, "value": value, "to": f"cause {to.pk}", "reason": reason}
    triage.tell(person, verb, cause, now, detail)
    return decision


def _sort_anew(causes: Sequence[Cause], now: datetime) -> None:
    """Letters of these causes that are stuck go where the decisions in force say."""
    stuck = DeadLetter.objects.open().filter(cause__in=causes, step__state__in=STUCK)
    found = list(stuck.select_related("step__system", "step__transaction__entity"))
    places = sorting.sort([letter.step for letter in found], now)
    moved = {
        letter.pk: {"cause_id": places[letter.step_id].pk, "fingerprint": letter.step.fingerprint}
        for letter in found
        if letter.cause_id != places[letter.step_id].pk
    }
    sets.update(DeadLetter, moved)
    letters.stand(DeadLetter.objects.filter(pk__in=moved), now)
