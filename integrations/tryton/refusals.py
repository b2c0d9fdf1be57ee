"""What Tryton's refusals mean. Its errors arrive with HTTP 200 and say why only in English words,
which is why every session speaks English; the words themselves are kept for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controltower.canonical.verdicts import (
    FieldError,
    Kind,
    Misconfigured,
    Rejected,
    TryLater,
    Verdict,
)

PAST_DUE_WARNING = "invoice_payment_term"
"""Tryton asks whether a due date in the past is meant; for work billed late it always is."""


@dataclass(eq=False)
class Refusal(Exception):
    """Tryton's own no: the exception's class in Tryton, its message and details."""

    name: str
    message: str
    detail: str = ""

    @classmethod
    def read(cls, error: Any) -> Refusal:
        """Read the `error` member of a JSON-RPC answer, whose shape depends on the class."""
        parts = list(error) if isinstance(error, Sequence) and not isinstance(error, str) else []
        name = str(parts[0]) if parts else "Error"
        body = parts[1] if len(parts) > 1 else ""
        if name == "UserWarning" and isinstance(body, list):
            return cls(name, str(body[1]), str(body[0]))
        if name in {"UserError", "LoginException"} and isinstance(body, list):
            return cls(name, str(body[0]), str(body[1] or ""))
        if name == "ConcurrencyException":
            return cls(name, str(body))
        return cls("Error", name, str(body))

    @property
    def warning(self) -> str:
        """The key under which a warning can be accepted, or "" when this is no warning."""
        return self.detail if self.name == "UserWarning" else ""

    @property
    def kind(self) -> Kind:
        """The refusal in our closed list of kinds."""
        return _meaning(self).kind

    def verdict(self) -> Verdict:
        """What the caller is told."""
        if self.name == "ConcurrencyException":
            return TryLater(kind=Kind.CONFLICT, text=f"Tryton: {self.message}")
        if self.name == "Error":
            text = f"Tryton could not make sense of the request: {self.message}"
            return Misconfigured(kind=Kind.CONTRACT, text=text)
        meaning = _meaning(self)
        words = " ".join(filter(None, (self.message, self._explanation())))
        if meaning.kind is Kind.PERMISSION:
            return Misconfigured(kind=Kind.PERMISSION, text=f"Tryton: {words}")
        errors = (FieldError(meaning.field, self.message),) if meaning.field else ()
        return Rejected(kind=meaning.kind, text=f"Tryton: {words}", fields=errors)

    def _explanation(self) -> str:
        return self.detail if self.name == "UserError" else ""


@dataclass(frozen=True, slots=True)
class _Meaning:
    pattern: str
    kind: Kind
    field: str = ""


_MEANINGS = (
    _Meaning(r"reopen the (period|fiscal year)", Kind.PERIOD_CLOSED, "invoice_date"),
    _Meaning(r"create a (period|fiscal year) for the date", Kind.PERIOD_CLOSED, "invoice_date"),
    _Meaning(r"closed (journal-)?period", Kind.PERIOD_CLOSED, "invoice_date"),
    _Meaning(r"You can not call \"post\"|because it is posted, paid", Kind.ALREADY_DONE),
    _Meaning(r"must set an invoice date after", Kind.VALIDATION, "invoice_date"),
    _Meaning(r"invoice date in the future", Kind.VALIDATION, "invoice_date"),
    _Meaning(r"code on party must be unique", Kind.DUPLICATE, "code"),
    _Meaning(r"must be unique|already exists", Kind.DUPLICATE),
    _Meaning(r"You are not allowed to", Kind.PERMISSION),
    _Meaning(r"that don't exist|does not exist", Kind.NOT_FOUND),
    _Meaning(r"you must define a receivable account", Kind.REFERENCE_MISSING, "account"),
    _Meaning(r"you must (define|configure)|There is no", Kind.REFERENCE_MISSING),
    _Meaning(r"(VAT|EIN|TIN|Number|Code).* is not valid\.", Kind.VALIDATION, "vat_number"),
)

_FIELD = re.compile(r'for field "([^"]+)"')


def _meaning(refusal: Refusal) -> _Meaning:
    for meaning in _MEANINGS:
        if re.search(meaning.pattern, refusal.message):
            return meaning
    named = _FIELD.search(refusal.message)
    field = named[1].lower().replace(" ", "_") if named else ""
    return _Meaning("", Kind.VALIDATION, field)
