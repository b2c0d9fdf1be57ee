"""Who signs in: people are created without any right, put aside and let back in, never deleted."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from django.db import IntegrityError
from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.duties import require_administrator
from controltower.firm.models import ApiToken, Person
from controltower.firm.rights import Right, may_everywhere, who_grants

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,60}\Z")


class NotAllowed(Exception):
    """This person may not do this; the text says why."""


class BadPerson(Exception):
    """The person cannot be created so; the text says what is wrong."""


def create(
    *, username: str, first: str, last: str, email: str, zone: str, by: Person, now: datetime
) -> tuple[Person, str]:
    """Somebody new, who may do nothing until rights are agreed upon; and a password, which is not
    kept. Raises NotAllowed (recorded as a denial) or BadPerson."""
    _require(by, "create person", username, now)
    if not USERNAME.match(username):
        raise BadPerson("A sign-in name is two or more of a-z, 0-9, dot, dash and underscore.")
    password = _password()
    try:
        with atomic():
            made = Person.objects.create_user(
                username, email, password, first_name=first, last_name=last, zone=zone
            )
            _record(by, "create person", made, now, email=email)
    except IntegrityError:
        raise BadPerson(f"There is a person “{username}” already.") from None
    return made, password


def put_aside(*, person: Person, reason: str, by: Person, now: datetime) -> None:
    """They cannot sign in any more, their sessions end and their API keys are revoked; what they
    have done stays under their name. Raises NotAllowed (recorded as a denial) or BadPolicy when
    nobody would be left who administers."""
    _require(by, "deactivate person", person.username, now, other=person)
    with atomic():
        Person.objects.filter(pk=person.pk).update(is_active=False)
        ApiToken.objects.filter(person=person, revoked_at__isnull=True).update(revoked_at=now)
        require_administrator()
        _record(by, "deactivate person", person, now, reason=reason)


def let_back(*, person: Person, reason: str, by: Person, now: datetime) -> None:
    """They may sign in again, with the rights they had. Raises NotAllowed (recorded as a
    denial)."""
    _require(by, "reactivate person", person.username, now, other=person)
    with atomic():
        Person.objects.filter(pk=person.pk).update(is_active=True)
        _record(by, "reactivate person", person, now, reason=reason)


def reset_sign_in(*, person: Person, reason: str, by: Person, now: datetime) -> str:
    """A new password, which is not kept; all sessions of the person end. Raises NotAllowed
    (recorded as a denial)."""
    _require(by, "reset sign-in", person.username, now, other=person)
    password = _password()
    with atomic():
        row = Person.objects.select_for_update().get(pk=person.pk)
        row.set_password(password)
        row.save(update_fields=["password"])
        _record(by, "reset sign-in", person, now, reason=reason)
    return password


def _password() -> str:
    return "-".join(secrets.token_hex(3) for _ in range(4))


def _require(
    by: Person, verb: str, username: str, now: datetime, other: Person | None = None
) -> None:
    why = ""
    if not may_everywhere(by, Right.ADMINISTER):
        why = f"Only the {who_grants(Right.ADMINISTER)} of the whole firm may do this."
    elif other is not None and other.pk == by.pk:
        why = "Somebody else has to do this for you."
    if why:
        subject = f"person {username}"[:120]
        audit.record(actor=by, verb=verb, subject=subject, allowed=False, now=now)
        raise NotAllowed(why)


def _record(by: Person, verb: str, person: Person, now: datetime, **detail: str) -> None:
    subject = f"person {person.username}"
    audit.record(actor=by, verb=verb, subject=subject, allowed=True, now=now, detail=detail)
