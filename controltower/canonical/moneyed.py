"""Which fields carry money, and which of them a change of mapping rules touches. Pure.

The canonical records declare it: every Decimal, and what `records/base.py` marks as deciding over
money. What a rule writes without reading a record is judged by what vendors call such fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, get_type_hints

from controltower.canonical import records
from controltower.canonical.records.base import MONEY
from controltower.canonical.rules import Rule, walk

VENDORS_SAY = frozenset(
    "amount cost currency deferred discount fee price rate recognised revenue tax total".split()
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@cache
def declared() -> frozenset[str]:
    """The names under which any canonical record keeps what carries money."""
    kinds = [one for one in vars(records).values() if isinstance(one, type) and is_dataclass(one)]
    return frozenset(
        part.name
        for kind in kinds
        for part in fields(kind)
        if MONEY in part.metadata or get_type_hints(kind)[part.name] is Decimal
    )


def carries(rule: Rule) -> bool:
    """Whether a mapping rule reads or writes what carries money."""
    source, target = str(rule.get("source", "")), str(rule.get("target", ""))
    if {source.rpartition(".")[2], target} & declared():
        return True
    words = {word.lower() for word in _WORDS.findall(target)}
    return not words.isdisjoint(VENDORS_SAY)


def changed(before: Sequence[Rule], after: Sequence[Rule]) -> list[str]:
    """The targets that carry money and would be filled otherwise, in the order of the newer
    rules: added, removed, or by another rule. Labels do not count."""
    old, new = _by_target(before), _by_target(after)
    found = [at for at in new if _differ(old.get(at), new[at])]
    found += [at for at in old if at not in new]
    return [at for at in found if any(carries(one[at]) for one in (old, new) if at in one)]


def _by_target(rules: Sequence[Rule]) -> dict[str, Rule]:
    return {f"{within}{rule.get('target')}": rule for _path, within, rule in walk(rules)}


def _differ(old: Rule | None, new: Rule) -> bool:
    return old is None or _does(old) != _does(new)


def _does(rule: Rule) -> Mapping[str, Any]:
    """What a rule does, without its name; the parts of an `each` are rules of their own."""
    return {key: value for key, value in rule.items() if key not in {"label", "rules", "personal"}}
