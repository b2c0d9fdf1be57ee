"""How a policy comes into force: whoever may (for most, an administrator) proposes with a reason,
somebody else decides.

Nobody proposes or decides their own rights. Every step, and every refused try, is in the audit
chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.db.transaction import atomic

from controltower.firm import (
    audit,
    calendars,
    companies,
    dated_rates,
    duties,
    keeping,
    limits,
    masks,
    promised,
)
from controltower.firm.models import Person, PolicyState, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.firm.rights import Right, may_everywhere, who_grants


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class NotOpen(Exception):
    """It was decided already, or another version waits for its decision."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of policy: what may be written down, what follows when it comes into force (for most,
    nothing: they are read when they are needed), and the right to propose it."""

    check: Callable[[str, object], None]
    apply: Callable[[PolicyVersion], None] | None = None
    proposed_by: Right = Right.ADMINISTER


KINDS: dict[str, Kind] = {
    duties.KIND: Kind(duties.check, duties.apply),
    limits.KIND: Kind(limits.check),
    keeping.KIND: Kind(keeping.check),
    calendars.KIND: Kind(calendars.check),
    promised.KIND: Kind(promised.check),
    masks.KIND: Kind(masks.check),
    companies.KIND: Kind(companies.check, companies.apply),
    dated_rates.KIND: Kind(dated_rates.check, dated_rates.apply, Right.SET_RATES),
}
"""By name. Rooms above this one add theirs when they start (`apps.py`)."""


def propose(
    *, subject: str, content: dict[str, Any], reason: str, by: Person, now: datetime
) -> PolicyVersion:
    """Write a version down for a second person's decision. Raises NotAllowed (recorded as a
    denial), BadPolicy, or NotOpen while another version waits."""
    kind, _, about = subject.partition(":")
    if kind not in KINDS:
        raise BadPolicy(f"There is no policy “{kind}”.")
    _require(by, KINDS[kind].proposed_by, "propose policy", subject, now)
    KINDS[kind].check(about, content)
    if not reason.strip():
        raise BadPolicy("A change needs a reason.")
    with atomic():
        versions = PolicyVersion.objects.select_for_update().filter(subject=subject)
        if any(one.state == PolicyState.PROPOSED for one in versions):
            raise NotOpen("Another change of this waits for a second person already.")
        made = PolicyVersion.objects.create(
            subject=subject, number=_next(subject), content=content, reason=reason[:300],
            author=by, proposed_at=now,
        )  # fmt: skip
        audit.record(
            actor=by, verb="propose policy", subject=subject, allowed=True, now=now,
            detail={"version": made.number, "content": content, "reason": made.reason},
        )  # fmt: skip
    return made


def decide(
    *, version: PolicyVersion, agree: bool, answer: str, by: Person, now: datetime
) -> PolicyVersion:
    """proposed → in force or refused. Raises NotAllowed (recorded as a denial) for its author and
    for whom it is about, NotOpen, or BadPolicy when it cannot be put in force any more."""
    if by.pk == version.author_id:
        _deny(by, "decide policy", version.subject, now)
        raise NotAllowed("Who proposed a change may not decide on it.")
    _require(by, Right.APPROVE_POLICY, "decide policy", version.subject, now)
    with atomic():
        row = PolicyVersion.objects.select_for_update().get(pk=version.pk)
        if row.state != PolicyState.PROPOSED:
            raise NotOpen("It has been decided meanwhile.")
        row.decided_by, row.decided_at, row.answer = by, now, answer[:300]
        if agree:
            KINDS[row.kind].check(row.about, row.content)
            _put_in_force(row)
        else:
            row.state = PolicyState.REFUSED
            row.save()
        verb = "put policy in force" if agree else "refuse policy"
        detail = {"version": row.number, "content": row.content, "answer": row.answer}
        audit.record(actor=by, verb=verb, subject=row.subject, allowed=True, now=now, detail=detail)
    return row


def withdraw(*, version: PolicyVersion, by: Person, now: datetime) -> PolicyVersion:
    """proposed → withdrawn, by whoever proposed it. Raises NotAllowed (recorded as a denial) for
    anybody else, or NotOpen."""
    if by.pk != version.author_id:
        _deny(by, "withdraw policy", version.subject, now)
        raise NotAllowed("Only who proposed a change may withdraw it.")
    with atomic():
        row = PolicyVersion.objects.select_for_update().get(pk=version.pk)
        if row.state != PolicyState.PROPOSED:
            raise NotOpen("It has been decided meanwhile.")
        row.state, row.decided_at = PolicyState.WITHDRAWN, now
        row.save()
        detail = {"version": row.number, "content": row.content}
        audit.record(
            actor=by, verb="withdraw policy", subject=row.subject, allowed=True, now=now,
            detail=detail,
        )  # fmt: skip
    return row


def write_down(
    *, subject: str, content: dict[str, Any], reason: str, now: datetime, by: str = "tower"
) -> bool:
    """Keep what holds already as a first version of its own, once; returns whether it was new."""
    with atomic():
        if PolicyVersion.objects.filter(subject=subject).exists():
            return False
        first = PolicyVersion(
            subject=subject, number=1, content=content, reason=reason, proposed_at=now,
            decided_at=now, state=PolicyState.IN_FORCE,
        )  # fmt: skip
        first.save()
        audit.record(
            actor=by, verb="write policy down", subject=subject, allowed=True, now=now,
            detail={"version": 1, "content": content},
        )  # fmt: skip
    return True


def _next(subject: str) -> int:
    found = PolicyVersion.objects.filter(subject=subject).aggregate(last=Max("number"))
    return int(found["last"] or 0) + 1


def _put_in_force(row: PolicyVersion) -> None:
    PolicyVersion.objects.filter(subject=row.subject, state=PolicyState.IN_FORCE).update(
        state=PolicyState.RETIRED
    )
    row.state = PolicyState.IN_FORCE
    row.save()
    follows = KINDS[row.kind].apply
    if follows is not None:
        follows(row)


def _require(by: Person, right: Right, verb: str, subject: str, now: datetime) -> None:
    if subject == f"{duties.KIND}:{by.username}":
        _deny(by, verb, subject, now)
        raise NotAllowed("Nobody may change their own rights.")
    if not may_everywhere(by, right):
        _deny(by, verb, subject, now)
        raise NotAllowed(f"Only the {who_grants(right)} of the whole firm may do this.")


def _deny(by: Person, verb: str, subject: str, now: datetime) -> None:
    audit.record(actor=by, verb=verb, subject=subject, allowed=False, now=now)
