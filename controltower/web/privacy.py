"""Personal data on pages: hidden unless asked for with a reason, for five minutes, on the record.

Hidden are fields that a mapping rule marks `personal`, the values under names of people, pay, bank
accounts and identity papers wherever they appear, and in raw text every mail address and IBAN.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils.translation import gettext as _

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.transactions.models import Transaction
from controltower.web.actions import only

REVEALED_FOR = timedelta(minutes=5)
KEY = "revealed"
NAMES = (
    r"contact_?_?name|contact_?_?email|billing_?contact\w*|e_?mail(?:__c)?|phone\w*|mobile\w*|iban|"
    r"salary\w*|wage\w*|bank_?account\w*|account_?number|date_?of_?birth|birth_?date|passport\w*|"
    r"(?:first|last|middle|preferred|display)_?name|work_?email|home_?email|"
    r"national_?id\w*|social_?security\w*|home_?address\w*"
)
PERSONAL = re.compile(rf"(?:\w*_)?(?:{NAMES})(?:__c)?", re.IGNORECASE)
_NAME = rf'"(?:\w*_)?(?:{NAMES})(?:__c)?"\s*:\s*'
_PAIR = re.compile(rf'({_NAME}")((?:[^"\\]|\\.)*)(")', re.IGNORECASE)
_NUMBER = re.compile(rf"({_NAME})(-?[\d.]+(?:[eE][+-]?\d+)?)", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")


class NotAllowed(Exception):
    """This person may not see personal data; the text says who may."""


class ReasonMissing(Exception):
    """Personal data is shown only for a reason."""


def is_personal(name: str) -> bool:
    """Whether a field of that name holds personal data."""
    return PERSONAL.fullmatch(name.rpartition(".")[2]) is not None


def masked(value: Any) -> str:
    """The first letter of each part and the last label: "k•••••@m•••.example"."""
    text = str(value)
    if _EMAIL.fullmatch(text):
        name, _at, host = text.partition("@")
        label = host.rpartition(".")[2]
        return f"{name[:1]}•••••@{host[:1]}•••.{label}"
    return " ".join(f"{word[:1]}••••" for word in text.split()[:4]) or ""


def masked_text(text: str, personal: Iterable[str] = ()) -> str:
    """Raw text without personal data; `personal` are values known to be such."""
    text = _PAIR.sub(lambda found: found[1] + masked(found[2]) + found[3], text)
    text = _NUMBER.sub(lambda found: f'{found[1]}"{masked(found[2])}"', text)
    for value in sorted({one for one in personal if len(one) > 2}, key=len, reverse=True):
        text = text.replace(value, masked(value))
    text = _EMAIL.sub(lambda found: masked(found[0]), text)
    return _IBAN.sub(lambda found: masked(found[0].replace(" ", "")), text)


def masked_record(value: Any, personal: Iterable[str] = ()) -> Any:
    """A JSON value with personal data hidden."""
    return json.loads(masked_text(json.dumps(value, ensure_ascii=False, default=str), personal))


def personal_values(*records: Any) -> set[str]:
    """Every value that stands under a personal name, at any depth."""
    found: set[str] = set()
    for record in records:
        _gather(record, found)
    return found


def _gather(value: Any, found: set[str]) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, str | int | float) and is_personal(str(name)):
                found.add(str(inner))
            else:
                _gather(inner, found)
    elif isinstance(value, list | tuple):
        for inner in value:
            _gather(inner, found)


def reveal(
    *, transaction: Transaction, by: Person, reason: str, session: SessionBase, now: datetime
) -> datetime:
    """Show this person the transaction's personal data until the returned moment; recorded either
    way. Raises NotAllowed or ReasonMissing."""
    entity = transaction.entity.code if transaction.entity else None
    if not reason.strip():
        raise ReasonMissing(_("Personal data is shown only for a reason. Say which."))
    allowed = may(by, Right.REVEAL_PERSONAL, entity)
    audit.record(
        actor=by,
        verb="show personal data",
        subject=transaction.reference,
        allowed=allowed,
        now=now,
        entity=entity or "",
        detail={"reason": reason[:300]},
    )
    if not allowed:
        raise NotAllowed(only(Right.REVEAL_PERSONAL))
    until = now + REVEALED_FOR
    kept = {k: v for k, v in session.get(KEY, {}).items() if v > now.timestamp()}
    session[KEY] = {**kept, transaction.reference: until.timestamp()}
    return until


def is_revealed(transaction: Transaction, by: Person, session: SessionBase, now: datetime) -> bool:
    """Whether this session may see the personal data now; a right taken away ends it at once."""
    entity = transaction.entity.code if transaction.entity else None
    until = session.get(KEY, {}).get(transaction.reference, 0)
    return bool(until > now.timestamp()) and may(by, Right.REVEAL_PERSONAL, entity)
