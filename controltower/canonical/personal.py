"""Which fields hold personal data, and of which class. Pure.

The canonical records declare it (metadata of `records/base.py`); fields of targets follow from the
mapping rules that fill them. Bodies of systems that were never read into a record are judged by
what vendors call such fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from typing import Any

from controltower.canonical import records
from controltower.canonical.records import Record
from controltower.canonical.records.base import PERSONAL, Personal

VENDORS_SAY = {
    Personal.NAME: (
        r"contact_?_?name|billing_?contact\w*|(?:first|last|middle|preferred|display|legal)_?name"
    ),
    Personal.CONTACT: (
        r"contact_?email|e_?mail(?:__c)?|work_?email|home_?email|phone\w*|mobile\w*|"
        r"home_?address\w*"
    ),
    Personal.PAY: r"salary\w*|wage\w*",
    Personal.BANK: r"iban|bank_?account\w*|account_?number",
    Personal.IDENTITY: (
        r"date_?of_?birth|birth_?date|passport\w*|national_?id\w*|social_?security\w*"
    ),
}
"""What systems call personal fields that no canonical record has."""

_VENDORS = {
    kind: re.compile(rf"(?:\w*_)?(?:{words})(?:__c)?", re.IGNORECASE)
    for kind, words in VENDORS_SAY.items()
}


@cache
def declared(kind: type[Any]) -> Mapping[str, Personal]:
    """The personal fields of a record, by name."""
    parts = fields(kind) if is_dataclass(kind) else ()
    return {one.name: one.metadata[PERSONAL] for one in parts if PERSONAL in one.metadata}


@cache
def always() -> Mapping[str, Personal]:
    """Names that mean personal data in every canonical record that has them."""
    kinds = [one for one in vars(records).values() if isinstance(one, type) and is_dataclass(one)]
    found = {name: kind for one in kinds for name, kind in declared(one).items()}
    elsewhere = {
        part.name for one in kinds for part in fields(one) if part.name not in declared(one)
    }
    return {name: kind for name, kind in found.items() if name not in elsewhere}


@cache
def everywhere() -> tuple[str, ...]:
    """The names under which any canonical record keeps personal data."""
    kinds = [one for one in vars(records).values() if isinstance(one, type) and is_dataclass(one)]
    return tuple(sorted({name for one in kinds for name in declared(one)}))


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Personal | None:
    """The class of personal data that a field of that name (or dotted path) holds anywhere."""
    last = name.rpartition(".")[2]
    if last in always():
        return always()[last]
    return next((kind for kind, words in _VENDORS.items() if words.fullmatch(last)), None)


def of_record(kind: str, record: Mapping[str, Any]) -> Iterator[tuple[str, Personal]]:
    """Every personal text of a stored canonical record, by the kind that it was stored as."""
    type_ = getattr(records, kind, Record)
    for name, found in declared(type_).items():
        if isinstance(value := record.get(name), str) and value:
            yield value, found


def rule_kind(rule: Mapping[str, Any]) -> Personal | None:
    """The class of personal data that a mapping rule carries: declared by the record that it
    reads; else what whoever wrote the rule has marked, which counts as a way to reach somebody."""
    found = kind_of(str(rule.get("source", ""))) or kind_of(str(rule.get("target", "")))
    return found or (Personal.CONTACT if rule.get("personal") else None)
