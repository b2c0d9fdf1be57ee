"""A firm founds its tower: companies, rates, first people and their duties, all of it or nothing.

From then on everything is changed on Admin, by two people.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.db.transaction import atomic

from controltower.firm import audit, companies, dated_rates, duties, governing, policies
from controltower.firm.founding_file import NewPerson, Plan
from controltower.firm.models import LegalEntity, Person, PolicyState, PolicyVersion

SUBJECT = "firm:founded"
REASON = "As the firm was founded."
ACTOR = "command line"
CHANGED_ON = {
    "companies": "Admin, Companies",
    "rates": "Admin, Rates",
    "people": "Admin, People",
    "firm": "the settings CONTROLTOWER_FIRM and CONTROLTOWER_CURRENCY",
}


class NotPossible(Exception):
    """This tower cannot be founded so; the text says why and what to do instead."""


def name() -> str:
    """What the firm that was founded is called; "" where none was."""
    said = policies.in_force(SUBJECT)
    return str(said["name"]) if said else ""


def found(*, plan: Plan, account: str, now: datetime) -> list[dict[str, str]] | None:
    """Create the firm; returns its people's first sign-ins, or None when the same file has founded
    it before. `account` is who gave the command. Raises NotPossible."""
    with atomic():
        if is_founded_by(plan):
            return None
        _require_nobody_here()
        content = {"name": plan.firm, "parts": dict(plan.parts)}
        _write_down(SUBJECT, content, now)
        for code, company in plan.companies.items():
            companies.set_up(code, company)
            _write_down(f"{companies.KIND}:{code}", company, now)
        for currency, pairs in plan.rates.items():
            version = _write_down(f"{dated_rates.KIND}:{currency}", {"rates": pairs}, now)
            dated_rates.apply(version)
        sign_ins = [_hire(one, now) for one in plan.people]
        audit.record(
            actor=ACTOR, verb="found firm", subject=plan.firm[:120], allowed=True, now=now,
            detail={
                "account": account, "companies": list(plan.companies),
                "people": [one.username for one in plan.people],
            },
        )  # fmt: skip
    return sign_ins


def is_founded_by(plan: Plan) -> bool:
    """Whether this very file has founded the firm. Raises NotPossible when another has, with what
    is changed on Admin instead."""
    before = policies.in_force(SUBJECT)
    if before is None:
        return False
    changed = [part for part, digest in plan.parts.items() if before["parts"].get(part) != digest]
    if not changed:
        return True
    where = "; ".join(f"{part} by {CHANGED_ON[part]}" for part in changed)
    raise NotPossible(
        f"{before['name']} is founded, and the file says something else now. Two people change "
        f"that in the tower: {where}. Nothing was changed."
    )


def _require_nobody_here() -> None:
    company = LegalEntity.objects.first()
    if company is not None or Person.objects.exists():
        whose = f"{company.name}'s" if company else "somebody's"
        raise NotPossible(
            f"This tower is {whose} already. Found yours in a home of its own: "
            "bin/up --empty --home DIR."
        )


def _write_down(subject: str, content: dict[str, Any], now: datetime) -> PolicyVersion:
    governing.write_down(subject=subject, content=content, reason=REASON, now=now, by=ACTOR)
    return PolicyVersion.objects.get(subject=subject, state=PolicyState.IN_FORCE)


def _hire(one: NewPerson, now: datetime) -> dict[str, str]:
    """Create a person with their duties; returns their sign-in, whose password is not kept here."""
    password = "-".join(secrets.token_hex(3) for _ in range(4))
    person = Person.objects.create_user(
        one.username, one.email, password, first_name=one.first, last_name=one.last, zone=one.zone
    )
    duties.give(person, one.duties)
    content = {"duties": [list(pair) for pair in one.duties]}
    _write_down(f"{duties.KIND}:{one.username}", content, now)
    roles = ", ".join("@".join(filter(None, pair)) for pair in one.duties)
    return {
        "name": f"{one.first} {one.last}", "role": roles, "username": one.username,
        "password": password,
    }  # fmt: skip
