"""The file that describes a firm before there is one (docs/founding.md): read whole, and refused
with every mistake in it, each with its place and what to write."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from controltower.firm import companies, dated_rates
from controltower.firm.models import Role
from controltower.firm.people import USERNAME
from controltower.firm.rights import FIRM_WIDE, SECOND, WHO, Right, in_words, unpaired

Table = Mapping[str, Any]
TABLES = {"company": "companies", "rate": "rates", "person": "people"}
KNOWN: Mapping[str, frozenset[str]] = {
    "company": frozenset({"code", *companies.FIELDS}),
    "rate": frozenset({"currency", "from", "rate"}),
    "person": frozenset({"username", "first", "last", "email", "zone", "duties"}),
}
"""What may stand in each table."""
NAMED_BY = {"company": "code", "rate": "currency", "person": "username"}


class BadFile(Exception):
    """The file describes no firm that could be founded; `mistakes` are all of them."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody who is to sign in, with (role, company code or "") pairs."""

    username: str
    first: str
    last: str
    email: str
    zone: str
    duties: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A firm as its file describes it. `rates` are (day, rate) pairs by currency; `not_yet` says
    what nobody could agree to before somebody more has come."""

    firm: str
    companies: Mapping[str, dict[str, Any]]
    rates: Mapping[str, list[list[str]]]
    people: tuple[NewPerson, ...]
    parts: Mapping[str, str]
    not_yet: tuple[str, ...]


def read(text: str) -> Plan:
    """The firm that a file describes. Raises BadFile."""
    try:
        said = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as wrong:
        raise BadFile([f"The file is no TOML: {wrong}."]) from None
    mistakes = list(_unknown("", said, {"firm", "currency", *TABLES}))
    tables = {name: _tables(said, name, mistakes) for name in TABLES}
    codes = {str(one.get("code")) for one in tables["company"]}
    mistakes += [
        *_of_the_firm(said),
        *_twice(tables["company"], "company"),
        *_twice(tables["person"], "person"),
        *_of_each(tables["company"], "company", _company),
        *_of_each(tables["rate"], "rate", _rate),
        *_of_each(tables["person"], "person", lambda one: _person(one, codes)),
        *_rates_twice(tables["rate"]),
    ]
    if mistakes:
        raise BadFile(mistakes)
    people = tuple(_made(one) for one in tables["person"])
    holders = {right: _holders(right, people) for right in Right}
    if missing := list(_missing(holders, policies=True)):
        raise BadFile(missing)
    return Plan(
        firm=said["firm"],
        companies={
            one["code"]: {**companies.USUAL, **{k: _plain(one[k]) for k in one if k != "code"}}
            for one in tables["company"]
        },
        rates=_by_currency(tables["rate"]),
        people=people,
        parts=_digests(said),
        not_yet=tuple(_missing(holders, policies=False)),
    )


def _unknown(place: str, table: Table, known: Collection[str]) -> Iterator[str]:
    for name in table:
        if name not in known:
            yield f"{place}“{name}” is not known here: write one of {', '.join(sorted(known))}."


def _tables(said: Table, name: str, mistakes: list[str]) -> list[Table]:
    """The tables of one name. What is none is noted among the mistakes."""
    found = said.get(name, [])
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        if not found and name != "rate":
            mistakes.append(f"There is no [[{name}]]: describe the firm's {TABLES[name]}.")
        return found
    mistakes.append(f"“{name}” is written as [[{name}]], once for each of the {TABLES[name]}.")
    return []


def _of_the_firm(said: Table) -> Iterator[str]:
    name = said.get("firm")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 120:
        yield 'firm: write the firm\'s name, such as firm = "Fernwood Example Consulting".'
    currency, ours = said.get("currency"), settings.REPORTING_CURRENCY
    if currency != ours:
        yield (
            f"currency: “{currency}” is not what this tower reports in, {ours}: write {ours}, or "
            f"start the tower with CONTROLTOWER_CURRENCY={currency}."
        )


def _twice(tables: list[Table], name: str) -> Iterator[str]:
    by = NAMED_BY[name]
    seen = set()
    for number, one in enumerate(tables, 1):
        if str(one.get(by)) in seen:
            yield f"{_place(name, number, one)}{by}: there is one before it; write another."
        seen.add(str(one.get(by)))


def _of_each(tables: list[Table], name: str, wrong: Any) -> Iterator[str]:
    for number, one in enumerate(tables, 1):
        place = _place(name, number, one)
        yield from _unknown(place, one, KNOWN[name])
        yield from (f"{place}{field}: {words}" for field, words in wrong(one))


def _place(name: str, number: int, table: Table) -> str:
    called = table.get(NAMED_BY[name])
    return f"[[{name}]] number {number}{f' ({called})' if called else ''}, "


def _company(one: Table) -> Iterator[companies.Objection]:
    content = {name: _plain(value) for name, value in one.items()}
    yield from companies.objections(str(one.get("code", "")), content)


def _rate(one: Table) -> Iterator[companies.Objection]:
    wrong = dated_rates.objection(str(one.get("currency")), one.get("from"), one.get("rate"))
    if wrong:
        yield "rate", wrong


def _rates_twice(tables: list[Table]) -> Iterator[str]:
    seen = set()
    for number, one in enumerate(tables, 1):
        key = (one.get("currency"), str(one.get("from")))
        if key in seen:
            yield f"{_place('rate', number, one)}from: {key[1]} has a rate before it; remove one."
        seen.add(key)


def _person(one: Table, codes: Collection[str]) -> Iterator[companies.Objection]:
    if not USERNAME.match(str(one.get("username", ""))):
        yield "username", "write two or more of a-z, 0-9, dot, dash and underscore."
    for name in ("first", "last"):
        value = one.get(name)
        if not isinstance(value, str) or not 0 < len(value.strip()) <= 80:
            yield name, "write a name of up to 80 characters."
    try:
        validate_email(one.get("email", ""))
    except ValidationError:
        yield "email", f"“{one.get('email', '')}” is no mail address."
    if one.get("zone") not in available_timezones():
        yield "zone", f"there is no time zone “{one.get('zone')}”: write one as Europe/Berlin."
    yield from (("duties", words) for words in _duties(one.get("duties"), codes))


def _duties(said: object, codes: Collection[str]) -> Iterator[str]:
    if not isinstance(said, list) or not said:
        yield 'write a list of roles, such as ["controller"] or ["steward@FE-UK"].'
        return
    for duty in said:
        role, at, code = str(duty).partition("@")
        if role not in Role.values:
            yield f"there is no role “{role}”: write one of {', '.join(Role.values)}."
        if at and code not in codes:
            yield f"“{duty}” is in no company of this file: name one of its codes."


def _made(one: Table) -> NewPerson:
    pairs = {(role, code) for role, _at, code in (d.partition("@") for d in one["duties"])}
    return NewPerson(
        one["username"], one["first"], one["last"], one["email"], one["zone"], tuple(sorted(pairs))
    )


def _holders(right: Right, people: Collection[NewPerson]) -> set[str]:
    """Who would have a right as far as it must reach."""
    return {
        one.username
        for one in people
        for role, code in one.duties
        if role in WHO[right] and not (code and right in FIRM_WIDE)
    }


def _missing(holders: Mapping[Right, Collection[str]], *, policies: bool) -> Iterator[str]:
    """Who must come besides, so that what is proposed finds its second word: by what policies
    need, without which nobody else could ever be given a right; or by what else needs it."""
    for right, (second, needed) in SECOND.items():
        missing = unpaired(right, holders)
        if missing is None or (second == Right.APPROVE_POLICY) != policies:
            continue
        who = in_words(WHO[missing])
        if missing == right:
            yield f"[[person]]: nobody may {WHAT[right]}: a person is missing who is {who}."
        else:
            others = "one more person" if needed == 1 else "two persons besides the author"
            yield (
                f"[[person]]: nobody could agree when somebody wants to {WHAT[right]}: that needs "
                f"{others} with a duty as {who} in the whole firm."
            )


WHAT: Mapping[Right, str] = {
    Right.ADMINISTER: "propose policies, such as rights, limits and companies",
    Right.SET_RATES: "propose exchange rates",
    Right.NAME_OWNERS: "say who owns which field",
    Right.EDIT_MAPPING: "change a mapping that moves money",
    Right.EDIT_RUNBOOK: "change a runbook",
    Right.REPLAY: "replay much money",
}
"""What each right is for that needs a second person."""


def _plain(value: object) -> object:
    """Numbers with decimals as text: as they were written, and as JSON keeps them."""
    return str(value) if isinstance(value, Decimal | date) else value


def _by_currency(tables: list[Table]) -> dict[str, list[list[str]]]:
    found = defaultdict(list)
    for one in tables:
        found[one["currency"]].append([str(one["from"]), str(one["rate"])])
    return {currency: sorted(pairs) for currency, pairs in found.items()}


def _digests(said: Table) -> dict[str, str]:
    """Each part of the file, sealed: by these a changed file is told from the same one, whatever
    its comments and its order of lines are."""
    parts = {plural: said.get(name, []) for name, plural in TABLES.items()}
    parts["firm"] = [said["firm"], said["currency"]]
    return {
        name: hashlib.sha256(json.dumps(part, sort_keys=True, default=str).encode()).hexdigest()
        for name, part in parts.items()
    }
