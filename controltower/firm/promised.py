"""Promises as agreed upon: of a process by its name, or of a milestone ("milestone/cash")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controltower.canonical.promise import BY_DAYS, Counted, Promise
from controltower.firm.policies import BadPolicy, contents

KIND, MILESTONE = "promise", "milestone/"
ABOUT = re.compile(r"(?:milestone/)?[a-z0-9-]+\Z")
MOST = {
    Counted.ELAPSED: 60 * 24 * 366,
    Counted.WORKING: 60 * 24 * 366,
    Counted.DAYS: 366,
    Counted.WORKING_DAYS: 366,
}
"""No promise is longer than a year."""


def agreed() -> dict[str, Promise]:
    """Every promise in force, by what it is about."""
    return {about: read(content) for about, content in contents(KIND).items()}


def read(content: Mapping[str, Any]) -> Promise:
    """A promise as it was written down."""
    return Promise(Counted(content["counted"]), content["amount"], content["warn_at"])


def written(promise: Promise) -> dict[str, Any]:
    """A promise as it is written down."""
    return {
        "counted": promise.counted.value,
        "amount": promise.amount,
        "warn_at": promise.warn_at,
    }


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is a promise that can be kept."""
    try:
        promise = read(content)  # type: ignore[arg-type]
        least = 0 if promise.counted in BY_DAYS else 1
        fits = least <= promise.amount <= MOST[promise.counted] and 1 <= promise.warn_at <= 99
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise BadPolicy("A promise is a length of at most a year, with a warning before its end.")
    if not ABOUT.match(about):
        raise BadPolicy(f"There is no process or milestone “{about}”.")
