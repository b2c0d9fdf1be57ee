"""Deterministic names: the same fact always yields the same ids, even after a restore."""

from __future__ import annotations

import hashlib
import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letters that are mistaken for digits."""


def _code(text: str, length: int) -> str:
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")
    letters = []
    for _ in range(length):
        number, index = divmod(number, 32)
        letters.append(ALPHABET[index])
    return "".join(letters)


def reference(source: str, event_id: str, process: str) -> str:
    """Our reference of a transaction, written into the targets' records: "CT-7F3K9QA2WX"."""
    return f"CT-{_code(f'{process}|{source}|{event_id}', 10)}"


def correlation_id(source: str, event_id: str) -> str:
    """The chain's name from deal to cash: "ct-01JDK7Q4-9F2M"."""
    code = _code(f"{source}|{event_id}", 12)
    return f"ct-{code[:8]}-{code[8:]}"


def idempotency_key(reference: str, step: str, generation: int) -> str:
    """The key of a step for ever; a new generation only after proven absence."""
    return f"{reference}.{step}" + (f".{generation}" if generation > 1 else "")


def fingerprint(step: str, system: str, kind: str, text: str, field: str) -> str:
    """What groups failures by cause: step, system, class and message without particulars."""
    return _code("|".join((step, system, kind, field, normalised(text))), 16)


def normalised(text: str) -> str:
    """The message without what differs from case to case: quoted names, ids and numbers."""
    text = re.sub(r"“[^”]*”|\"[^\"]*\"|'[^']*'", "…", text)
    text = re.sub(r"-?\b(?=\w*\d)[\w.\-/:]+(,\d[\w.]*)*", "#", text)
    return re.sub(r"\s+", " ", text).strip().lower()
