"""What waits for a second person, wherever it is asked: read anew from where it is kept.

A kind of ask says what waits, who may decide it, and what word has been given.
"""

from __future__ import annotations

from controltower.incidents import second_persons_of_rules, second_persons_of_work
from controltower.incidents.second_person import Kind

KINDS = second_persons_of_work.KINDS | second_persons_of_rules.KINDS


def kind_of(name: str) -> tuple[Kind, str]:
    """The kind of an ask, and its key within that."""
    kind, _, key = name.partition(" ")
    return KINDS[kind], key
