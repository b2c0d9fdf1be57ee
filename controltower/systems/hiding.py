"""Our own credentials, taken out of what a system says before anybody keeps or reads it.

A system may repeat what we have sent, in a message or a page of its own. Its data are left alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any, TypeVar
from urllib.parse import quote_plus

from controltower.canonical.verdicts import Exchange, FieldError, Verdict

HIDDEN = "[hidden]"
SHORTEST = 6
"""Shorter values are no secrets, and stand in many words."""
Told = TypeVar("Told", Verdict, Exchange, FieldError)


def hidden(told: Told, secrets: Collection[str]) -> Told:
    """The same without these values in any of its texts, written plainly or as in an address."""
    found = {one for one in secrets if len(one) >= SHORTEST}
    if not found:
        return told
    found |= {quote_plus(one) for one in found}
    return _without(told, sorted(found, key=len, reverse=True))


def _without(told: Told, secrets: Collection[str]) -> Told:
    """The very same when there is nothing to hide, as nearly always."""
    values = {part.name: getattr(told, part.name) for part in fields(told)}
    cleaned = {name: _clean(value, secrets) for name, value in values.items()}
    changed = {name: value for name, value in cleaned.items() if value is not values[name]}
    return replace(told, **changed) if changed else told


def _clean(value: Any, secrets: Collection[str]) -> Any:
    if isinstance(value, Exchange):
        return _without(value, secrets)
    if isinstance(value, FieldError):
        return _without(value, secrets)
    if isinstance(value, tuple):
        cleaned = tuple(_clean(one, secrets) for one in value)
        return cleaned if cleaned != value else value
    if type(value) is str:
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
    return value
