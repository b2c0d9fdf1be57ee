"""Assurance over the API: what the page shows, by the same questions and with the same rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema

from controltower.measures.chaos import record
from controltower.measures.checks.money import PARTS
from controltower.measures.exposure import Scope
from controltower.web.api_access import caller, require_entity
from controltower.web.api_words import Amount, Text
from controltower.web.assurance import balances, rules, under_way

router = Router()


class RuleOut(Schema):
    """What must always hold. `state` is stale when nobody has looked for three minutes. `whole_at`
    is the end of the last pass over the whole books (null: not yet, or `lately`: never more than
    since yesterday), `passing` when the rows were made to which the pass under way has come.
    `rows` and `breaches` are told to those who see the whole firm."""

    code: str
    title: str
    state: Literal["holds", "broken", "stale", "unknown"]
    halts: bool
    lately: bool
    looked_at: datetime | None
    whole_at: datetime | None
    passing: datetime | None
    last_breach_at: datetime | None
    milliseconds: int
    trouble: str
    rows: int | None
    breaches: list[str]


class BalanceOut(Schema):
    """Approved work in one currency, and where its money is; the parts add up to the total."""

    currency: str
    total: Amount
    posted: Amount
    exceptions: Amount
    flight: Amount
    otherwise: Amount


class IncidentOut(Schema):
    """A rule that was broken, until somebody or the rule itself ends it."""

    id: int
    title: str
    severity: str
    opened_at: datetime
    holds: bool
    owner: str | None
    halted: list[str]


class RunOut(Schema):
    """One recorded chaos run: what was done to a tower of that commit, and what came of it."""

    at: datetime
    commit: str
    seed: int
    seconds: int
    faults: int
    accepted: int
    done: int
    closed: int
    lost: int
    twice: int
    stuck: int
    wrong: int
    in_doubt: int
    held: bool


class RecoveryOut(Schema):
    """Seconds from the end of a kind of fault to the first headway, over all runs."""

    kind: str
    times: int
    median: float | None
    worst: float | None
    never: int


class ChaosOut(Schema):
    """Every recorded run, the newest first."""

    runs: list[RunOut]
    recoveries: list[RecoveryOut]


class AssuranceOut(Schema):
    """`chaos` is null where no record came with the installation."""

    rules: list[RuleOut]
    balances: list[BalanceOut]
    incidents: list[IncidentOut]
    chaos: ChaosOut | None


@router.get(
    "/assurance", response=AssuranceOut, url_name="assurance", summary="What must always hold"
)
def assurance(
    request: HttpRequest,
    entity: Annotated[Text | None, Query(description="For the balances; else all you see.")] = None,
) -> AssuranceOut:
    """The rules and when they were asked, the money per currency, open incidents, chaos runs."""
    person, kept = caller(request), record()
    require_entity(person, entity)
    return AssuranceOut(
        rules=[_rule(rule) for rule in rules(person, timezone.now())],
        balances=[_balance(line) for line in balances(Scope(person, entity or ""))],
        incidents=[
            IncidentOut(
                id=one.pk,
                title=one.title,
                severity=one.severity,
                opened_at=one.opened_at,
                holds=not one.affected,
                owner=one.owner.username if one.owner else None,
                halted=one.halted,
            )
            for one in under_way()
        ],
        chaos=ChaosOut(**asdict(kept)) if kept else None,
    )


def _rule(rule: Mapping[str, Any]) -> RuleOut:
    check = rule["check"]
    return RuleOut(
        looked_at=check.looked_at,
        whole_at=check.whole_at,
        last_breach_at=check.last_breach_at,
        milliseconds=check.milliseconds,
        trouble=check.trouble,
        **{name: value for name, value in rule.items() if name != "check"},
    )


def _balance(line: Mapping[str, Any]) -> BalanceOut:
    currency = line["currency"]
    parts = {name: Amount.of(line[name], currency) for name in ("total", *PARTS)}
    return BalanceOut(currency=currency, **parts)
