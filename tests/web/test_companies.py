"""Companies do not see each other: whoever has duties in one reads the same, to the byte, whether
another company's rows are there or not. No name, amount or count of it can then be anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from django.db.models import F
from django.db.transaction import atomic, set_rollback
from django.utils import timezone

from controltower.firm.models import ApiToken, LegalEntity, Role
from controltower.incidents import letters, settling, watch
from controltower.incidents.models import Incident, Settlement
from controltower.measures import assurance
from controltower.measures.models import Check
from controltower.systems.models import System
from controltower.transactions.models import PlanState, ReplayItem, ReplayPlan, Transaction
from controltower.web import security
from tests.factories import Firm, closed, found, in_doubt, refused, unreadable
from tests.web.crawl import Answer, Visitor, places, queries
from tests.web.test_matrix import OTHER, OWN, House, colleague, thing, visitors

pytestmark = pytest.mark.django_db

PLANTED = "Quagmire Undertakings"
"""A client of the other company; nobody of this one may ever read its name."""
FIRM_WIDE = {"metrics": "for machines: by a token, or from this machine alone"}
"""What tells of the whole firm by intent, and to whom."""
TELLING = {"transactions", "transaction", "api:transaction", "find", "job", "tower_region"}
"""What tells those of the other company what was planted: else nothing were hidden here."""
ALIKE = {Role.PMO_LEAD, Role.ADMINISTRATOR}
"""Whose rights on pages others have as well."""
Read = Mapping[tuple[str, str], Answer]


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that two answers differ by what is known, not by when they were given."""
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    monkeypatch.setattr(security, "new_reference", lambda: "R-00000000")


def stuck(firm: Firm, code: str, **values: Any) -> Transaction:
    """A deal that stands for the same cause in any company."""
    currency = LegalEntity.objects.get(code=code).currency
    answers = {"project": refused("The template is not known.")}
    return firm.deal(answers=answers, entity=code, currency=currency, **values)


def other_company(
    firm: Firm, house: House, plan: ReplayPlan, proposed: Settlement, now: datetime
) -> None:
    """Everything that the other company may have: of its own, and beside this one's."""
    theirs: dict[str, Any] = {"customer_name": PLANTED, "name": PLANTED}
    house.things[OTHER] = thing(firm, OTHER, "project", **theirs)
    beside, solved = stuck(firm, OTHER, **theirs), stuck(firm, OTHER, **theirs)
    agreed = settling.settle(
        transactions=[solved], reason=PLANTED, by=firm.otto, now=now, discard=False
    )
    settling.decide(settlement=agreed, agree=True, by=firm.anna, now=now)
    proposed.transactions.add(beside)
    deal = firm.deal(entity=OTHER, **theirs)
    firm.bill(deal)
    firm.bill(firm.deal(entity=OTHER, **theirs), answers={"post": closed()})
    in_doubt(firm)
    firm.gathering(deal)
    unreadable(entity=OTHER, customer_name=PLANTED)
    step = beside.steps.get(name="project")
    ReplayItem.objects.create(
        plan=plan, transaction=beside, step=step, fence=step.fence, forecast="create",
        why=PLANTED, amount=beside.amount, currency=beside.currency,
    )  # fmt: skip
    own = firm.plan(beside, by=firm.anna)
    ReplayPlan.objects.filter(pk=own.pk).update(state=PlanState.RUNNING, released_at=now)
    System.objects.update(last_failure=f"{PLANTED} is not known.", last_failure_at=now)
    Check.objects.update(rows=F("rows") + 7)
    Incident.objects.update(affected=["ours", PLANTED])


def test_another_company_changes_nothing_that_is_read() -> None:
    firm = found()
    colleague(OTHER)
    house = House(firm, {OWN: thing(firm, OWN, "draft")})
    ours = stuck(firm, OWN)
    shared = firm.plan(ours, by=firm.anna)
    letters.catch_up(now=timezone.now())
    cause = firm.cause(ours)
    proposed = settling.settle(
        transactions=[ours], reason="So.", by=firm.otto, now=timezone.now(), discard=True,
        cause=cause,
    )  # fmt: skip
    pages = [
        ("exception", f"/exceptions/{cause.pk}/"),
        ("transaction", f"/tx/{ours.correlation_id}/"),
    ]
    assurance.look(now=timezone.now())
    watch.report(subject="I10", title="Broken", affected=["ours"], halt=[], now=timezone.now())
    System.objects.update(last_failure="Ours is not known.", last_failure_at=timezone.now())
    people = {role: Visitor(one) for role, one in visitors().items() if role not in ALIKE}
    ApiToken.objects.update(last_used_at=timezone.now())
    with atomic():
        other_company(firm, house, shared, proposed, timezone.now())
        asked = {role: [*places(house, OWN, OTHER), *pages] for role in people}
        asked[Role.CONTROLLER] += queries(house, OWN, OTHER)
        with_them = {role: read(people[role], asked[role]) for role in people}
        telling = [place for place in asked[Role.CONTROLLER] if place[0] in TELLING]
        seen = read(Visitor(firm.anna), telling)
        set_rollback(True)
    alone = {role: read(people[role], asked[role]) for role in people}
    told = {name for (name, _address), answer in seen.items() if PLANTED.encode() in answer.body}
    assert told == TELLING
    faults = [
        (role, *place)
        for role in people
        for place in asked[role]
        if alone[role][place] != with_them[role][place]
    ]
    assert [fault for fault in faults if fault[1] not in FIRM_WIDE] == []


def read(visitor: Visitor, asked: list[tuple[str, str]]) -> Read:
    """Every answer that somebody gets."""
    return {place: visitor.read(*place) for place in asked}
