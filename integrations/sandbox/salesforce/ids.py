"""Record ids by the vendor's rule: 15 case-sensitive characters and a checksum of three."""

from __future__ import annotations

import string

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK = string.ascii_uppercase + "012345"
_POD = "Tw"


def make(prefix: str, number: int) -> str:
    """The id of the ``number``-th record of the object with that key prefix."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return full(f"{prefix}{_POD}0{digits.rjust(9, '0')}")


def full(short: str) -> str:
    """Add the checksum to a 15-character id: one character per five, a bit per capital letter."""
    checks = ""
    for start in range(0, 15, 5):
        bits = sum(1 << i for i, c in enumerate(short[start : start + 5]) if c in _CHECK[:26])
        checks += _CHECK[bits]
    return short + checks


def normal(text: str) -> str | None:
    """The 18-character form of an id given with 15 or 18 characters, None when it is no id."""
    if len(text) not in (15, 18) or not all(c in _BASE62 for c in text):
        return None
    return full(text[:15]) if full(text[:15]) == text or len(text) == 15 else None
