"""Codes that only a firm's own ledger can say, such as tax codes and accounts. Those of the
library are examples: a firm is offered its mappings without them, to write its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from controltower.canonical.rules import walk
from controltower.mappings.library.rules import OF_THE_LEDGER, Rule


def blanked(rules: Sequence[Rule], companies: Iterable[str]) -> list[Rule]:
    """The rules without the examples. What a table says by company ("LF-DE/domestic") it asks for
    each company of the firm; all else it asks as it stands."""
    own = deepcopy(list(rules))
    codes = sorted(companies)
    for _path, _within, rule in walk(own):
        if rule["target"] not in OF_THE_LEDGER:
            continue
        assert isinstance(rule, dict)
        if rule["rule"] == "constant":
            rule["value"] = ""
        elif rule["rule"] == "value_map":
            rule["values"] = dict.fromkeys(_asked(rule["values"], codes), "")
    return own


def _asked(values: Mapping[str, Any], companies: Sequence[str]) -> list[str]:
    kinds = dict.fromkeys(key.partition("/")[2] for key in values)
    if not all(kinds):
        return list(values)
    return [f"{company}/{kind}" for company in companies for kind in kinds]


def blanks(rules: Sequence[Rule]) -> list[str]:
    """The labels of rules that want a value which nobody has said."""
    found = []
    for _path, _within, rule in walk(rules):
        empty = rule["rule"] == "constant" and rule["value"] == ""
        if rule["rule"] == "value_map":
            empty = not rule["values"] or "" in rule["values"].values()
        if empty:
            found.append(str(rule["label"]))
    return list(dict.fromkeys(found))
