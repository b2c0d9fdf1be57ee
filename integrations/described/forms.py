"""How a system writes an amount or a time where that is not our way: a rule's `form`.

`minor` and `minor_text` are amounts in the minor units of a currency ("12345" for 123.45), a number
or a text; the rule's `currency` says where the currency stands, in capitals or not. `seconds` and
`milliseconds` count from 1970 (UTC); a day is that of the rule's `zone`. A rule within an `each`
finds its currency in its own element, or in the record around it where the element shows none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from integrations import shape
from integrations.described import moments
from integrations.shape import Odd, Row

MINOR = ("minor", "minor_text")
_FORMS = (*MINOR, "seconds", "milliseconds")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
Rule = Mapping[str, Any]


class Unwritable(Exception):
    """A value that the other system's form has no place for; the text says why."""


def read(rule: Rule, row: Row, value: Any, around: Row | None = None) -> Any:
    """A value of the row as our fields hold it; `around` is the record that the row is within.
    Raises Drift."""
    if rule.get("rule") == "each":
        return _read_each(rule, row, value) if value else value
    form, where = rule.get("form"), str(rule.get("source"))
    if not form or value in (None, ""):
        return value
    if form not in MINOR:
        return moments.read(row, where, form).astimezone(_zone(rule)).isoformat()
    if isinstance(value, bool) or not _WHOLE.fullmatch(str(value)):
        raise Odd(f"“{where}” is no amount in minor units")
    currency = shape.text(_having(rule, row, around), str(rule["currency"])).upper()
    try:
        return str(Money(currency, int(value)).amount)
    except UnknownCurrency:
        raise Odd(f"“{rule['currency']}” is no currency the firm trades in") from None


def _read_each(rule: Rule, row: Row, parts: Sequence[Row]) -> list[dict[str, Any]]:
    elements = shape.objects(shape.at(row, str(rule["source"])), str(rule["source"]))
    return [
        {target: read(inner, element, part[target], row) for target, inner in _by_target(rule)}
        for element, part in zip(elements, parts, strict=True)
    ]


def _by_target(rule: Rule) -> list[tuple[str, Rule]]:
    return [(str(inner["target"]), inner) for inner in rule["rules"]]


def _having(rule: Rule, row: Row, around: Row | None) -> Row:
    """The element itself where it shows the currency, else what it is within."""
    is_own = str(rule["currency"]).partition(".")[0] in row
    return row if is_own or around is None else around


def written(
    rules: Sequence[Rule], record: Mapping[str, Any], around: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A record to be sent, with these rules' values in the other system's form. Raises
    Unwritable."""
    known = {**(around or {}), **record}
    return dict(record) | {
        str(rule["target"]): _written(rule, known, record[str(rule["target"])])
        for rule in rules
        if (rule.get("form") or rule.get("rule") == "each")
        and record.get(str(rule["target"])) not in (None, "")
    }


def _written(rule: Rule, record: Mapping[str, Any], value: Any) -> Any:
    if rule.get("rule") == "each":
        return [written(rule["rules"], element, record) for element in value]
    form = rule["form"]
    if form in MINOR:
        try:
            currency = str(record.get(str(rule["currency"])) or "").upper()
            minor = Money.of(str(value), currency).minor
        except (NotAnAmount, UnknownCurrency) as problem:
            raise Unwritable(f"“{rule['target']}” cannot be sent: {problem}") from None
        return minor if form == "minor" else str(minor)
    return int(moments.written(_moment(rule, str(value)), form))


def _moment(rule: Rule, text: str) -> datetime:
    """A day begins at midnight in the rule's zone."""
    try:
        if len(text) > len("2026-12-31"):
            found = datetime.fromisoformat(text)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        return datetime.combine(date.fromisoformat(text), time(), _zone(rule))
    except ValueError:
        raise Unwritable(f"“{rule['target']}” cannot be sent: “{text}” is no time.") from None


def faults(rules: Sequence[Rule]) -> Iterator[str]:
    """What is wrong with the forms of these rules."""
    for rule in rules:
        target = rule.get("target")
        form = rule.get("form")
        yield from faults(rule.get("rules", ()))
        if form is None:
            continue
        if form not in _FORMS or rule.get("rule") != "copy":
            known = ", ".join(_FORMS)
            yield f"The form of “{target}” must be one of {known}, of a rule that copies."
        elif form in MINOR and not rule.get("currency"):
            yield f"The form of “{target}” needs “currency”: where the currency stands."
        elif not _is_known(str(rule.get("zone", "UTC"))):
            yield f"The zone of “{target}” is not known; write it as Europe/Berlin."


def _is_known(zone: str) -> bool:
    try:
        return bool(ZoneInfo(zone).key)
    except (ZoneInfoNotFoundError, ValueError):
        return False


def _zone(rule: Rule) -> ZoneInfo:
    return ZoneInfo(str(rule.get("zone", "UTC")))
