"""Every fault of a description, in words that say what to change, before anything rests on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from controltower.canonical.rules import BadRules, check_rules
from integrations.described import forms
from integrations.described.description import (
    EVENTS,
    NEEDED,
    RECORDS,
    Description,
    Resource,
    SignsIn,
    Webhook,
    meant,
)
from integrations.described.reading import unknown_fields


class BadDescription(Exception):
    """A description that cannot be used; `faults` say where and what to change."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)


Faults = Callable[[Description], Iterable[str]]


def read(document: Any, *more: Faults) -> Description:
    """The description that a JSON document holds. Raises BadDescription with the faults of its
    shape; else with all others, `more` being those that it has where it is used."""
    if wrong := complaints(_validator(), document, "the description"):
        raise BadDescription(wrong)
    found = meant(document)
    wrong = [fault for faults in (_faults, *more) for fault in faults(found)]
    if wrong:
        raise BadDescription(wrong)
    return found


def shape() -> Any:
    """The JSON Schema of a description."""
    return json.loads((Path(__file__).parent / "shape.json").read_text(encoding="utf-8"))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(shape())


def complaints(validator: Draft202012Validator, document: Any, whole: str) -> list[str]:
    """What is wrong with the shape of a document, which is called `whole` where it is at fault
    itself. No value is repeated: it may be a secret."""
    errors = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.path)))
    return [_complaint(error, whole) for error in errors]


def _complaint(error: Any, whole: str) -> str:
    """Where the fault is and what may stand there."""
    where = ".".join(str(part) for part in error.absolute_path) or whole
    return f"{where}: {error.schema.get('told') or _expected(error, where)}"


def _expected(error: Any, where: str) -> str:
    match error.validator:
        case "required" | "dependentRequired":
            return f"{error.message.split(' is ')[0]} is missing."
        case "additionalProperties":
            known = ", ".join(sorted(error.schema.get("properties", ())))
            unknown = sorted(set(error.instance) - set(error.schema.get("properties", ())))
            return f"there is no “{unknown[0]}” here. Known are: {known}."
        case "enum":
            return f"it must be one of {', '.join(map(str, error.validator_value))}."
        case "type":
            return f"it must be of type {error.validator_value}."
        case "minimum" | "maximum":
            return f"the {error.validator} is {error.validator_value}."
        case "pattern" if where.endswith(("secret", "user", "password", "client_id")):
            return "name the variable that holds it, such as env:SYSTEM_NAME_KEY."
        case "pattern":
            return "it is not written as it must be (see docs/new-system.md)."
    return "it is not one of the forms that are known (see docs/new-system.md)."


def _faults(found: Description) -> Iterator[str]:
    """What the shape alone cannot tell."""
    for name in NEEDED[found.signs_in.by]:
        if not getattr(found.signs_in, name):
            yield f"signs_in: “{name}” is missing."
    if found.signs_in.by == "signature":
        yield from _signature_faults(found.signs_in)
    entities = [one.entity for one in found.resources]
    for number, one in enumerate(found.resources):
        where = f"resources.{number}"
        if one.entity in entities[:number]:
            yield f"{where}: “{one.entity}” is described twice."
        yield from (f"{where}.{fault}" for fault in _faults_of(one))
    if found.webhook:
        telling = {one.entity for one in found.resources if one.event}
        yield from _webhook_faults(found.webhook, telling)


def _signature_faults(signs: SignsIn) -> Iterator[str]:
    if not signs.signs:
        yield "signs_in: “signs” is missing, such as {method}{path}{timestamp}{body}."
    for part, header in (("timestamp", "timestamp_header"), ("id", "id_header")):
        if f"{{{part}}}" in signs.signs and not getattr(signs, header):
            yield f"signs_in: the {part} is signed, so {header} must say where it goes."


def _webhook_faults(hook: Webhook, telling: Set[str]) -> Iterator[str]:
    for kind in hook.kinds.values():
        if kind not in telling:
            yield f"webhook.kinds: “{kind}” is no resource with an event."
    for part, header in (("timestamp", "timestamp_header"), ("id", "id_header")):
        if f"{{{part}}}" in hook.signs and not getattr(hook, header):
            yield f"webhook: the {part} is signed, so {header} must say where it is."


def _faults_of(one: Resource) -> Iterator[str]:
    if one.record not in RECORDS:
        yield f"record: it must be one of {', '.join(sorted(RECORDS))}."
        return
    yield from _rule_faults("fields", one.fields)
    for target, known in unknown_fields(RECORDS[one.record], one.fields):
        yield f"fields: {one.record} has no “{target}”. Known are: {', '.join(known)}."
    if not any(rule.get("target") == "source_id" for rule in one.fields):
        yield "fields: one of them must give “source_id”, the id in the other system."
    if one.event and EVENTS.get(one.event.type) != one.record:
        fitting = [name for name, kind in EVENTS.items() if kind == one.record]
        yield f"event: a change of {one.record} can be: {', '.join(fitting) or 'no event'}."
    if (one.list or one.event) and not one.changed:
        yield "changed: it must say where a record shows when it was changed."
    if one.list and not one.event:
        yield "event: what is listed must be an event, else nobody reads the list."
    yield from _write_faults(one)


def _write_faults(one: Resource) -> Iterator[str]:
    if one.writes and not one.read:
        yield "read: what is written is read back, so it must be said where."
    if (
        one.find
        and one.find.by == "key"
        and not all(write.key_field for write in one.writes if write.verb == "upsert")
    ):
        yield "find: it looks for our key, so the upsert must say in which key_field it is kept."
    for write in one.writes:
        yield from _rule_faults(f"writes.{write.verb}", write.fields)
        if write.verb == "upsert" and "{id}" in write.path:
            yield f"writes: “{write.path}” needs an id, which a new record does not have."
        if write.verb != "upsert" and "{id}" not in write.path:
            yield f"writes: the path of “{write.verb}” must say where the {{id}} goes."


def _rule_faults(where: str, rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    try:
        check_rules(rules)
    except BadRules as fault:
        yield f"{where}: {fault}"
        return
    yield from (f"{where}: {fault}" for fault in forms.faults(rules))
