"""What is kept of values that are set back each time: signs that only the tower's key makes."""

from __future__ import annotations

import hashlib

from controltower.processes import overwritten
from controltower.processes.overwritten import MOST_ROUNDS, Mark, Writing

OURS, ANOTHERS = b"our key", b"another tower's key"
ONE = Writing("salesforce", "contact_name", "Ruth Ainscough", "Dorothea Quince")


def digest(value: str) -> str:
    """What anybody can make of a name."""
    return hashlib.blake2b(value.encode(), digest_size=8).hexdigest()


BEFORE = (ONE.system, ONE.field, digest(ONE.was), digest(ONE.becomes))
"""The mark as it was kept before signs were keyed."""


def test_a_name_cannot_be_tried_against_its_sign_without_the_key() -> None:
    kept = ONE.mark(OURS)
    assert kept[:2] == BEFORE[:2]
    assert not {digest(ONE.was), digest(ONE.becomes)} & set(kept)
    assert kept[2:] != ONE.mark(ANOTHERS)[2:]
    assert kept == ONE.mark(OURS)


def test_what_was_kept_before_there_was_a_key_is_understood() -> None:
    assert overwritten.keyed(BEFORE, OURS) == ONE.mark(OURS)
    assert overwritten.keyed(ONE.mark(OURS), OURS) == ONE.mark(OURS)
    earlier: list[Mark] = [overwritten.keyed(BEFORE, OURS), *[ONE.mark(OURS)] * (MOST_ROUNDS - 1)]
    assert overwritten.fought_over([ONE], earlier, OURS) == [ONE]
    assert overwritten.fought_over([ONE], earlier[1:], OURS) == []
    assert overwritten.still_stands(ONE, earlier[:1], OURS)
