"""What waits for a day that is still to come rests on what is so on that day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controltower.canonical import events
from controltower.canonical.records import Resource, ResourceStatus
from controltower.canonical.verdicts import Done, Outcome
from controltower.transactions import promising
from controltower.transactions.models import Step, Transaction
from tests.factories import Answer, Firm
from tests.people import KNOWN, WORKER

pytestmark = pytest.mark.django_db


def told(firm: Firm, worker: Resource, number: int = 1) -> Transaction:
    event = firm.event(
        events.RESOURCE_CHANGED, "workday/resource", worker.source_id, worker, number
    )
    return firm.tell(event)


def standing(*people: dict[str, Any], **work: Any) -> dict[str, Answer]:
    """What the PSA says of the person."""
    values = {"people": people, "assignments": [], "unapproved": [], **work}
    kept = {"active": True, **KNOWN}
    return {
        "standing": Done(ref="003A", outcome=Outcome.READ, values=values),
        "resource": lambda step: Done(
            ref="003A", outcome=Outcome.UPDATED, values={**kept, **step.sent}
        ),
    }


def position(one: Transaction, name: str) -> tuple[str, str]:
    step = Step.objects.get(transaction=one, name=name)
    return step.state, step.kind


def days_later(firm: Firm, days: int) -> Firm:
    return replace(firm, now=firm.now + timedelta(days=days))


def test_who_is_who_is_asked_anew_on_the_day(firm: Firm) -> None:
    """Until then another HR record of the same person may have come."""
    promising.write_down(now=firm.now)
    day = (firm.now + timedelta(days=20)).date()
    change = told(firm, replace(WORKER, valid_from=day))
    waits = firm.play(change, standing(KNOWN))
    assert (waits.state, waits.wait) == ("waiting", "schedule")
    assert waits.due_at is None, "its clock stands still"
    assert position(waits, "standing") == ("scheduled", "schedule")
    later = days_later(firm, 21)
    stuck = later.play(change, standing(KNOWN, KNOWN | {"number": "LF-0099", "hr_id": "w2"}))
    assert stuck.state == "dead_lettered"
    assert position(stuck, "resource") == ("parked", "duplicate")


def test_what_waits_for_its_day_is_done_on_it_once(firm: Firm) -> None:
    day = (firm.now + timedelta(days=20)).date()
    change = told(firm, replace(WORKER, valid_from=day))
    firm.play(change, standing(KNOWN))
    done = days_later(firm, 21).play(change, standing(KNOWN))
    assert done.state == "verified"
    assert done.steps.get(name="resource").attempts.filter(purpose="send").count() == 1
    assert done.steps.get(name="standing").attempts.filter(purpose="send").count() == 2


@pytest.mark.parametrize("status", [ResourceStatus.LEFT, ResourceStatus.ACTIVE])
def test_a_leaver_works_until_the_last_day_is_over(firm: Firm, status: ResourceStatus) -> None:
    """Nobody tells that a day has passed: the tower waits for it."""
    last = (firm.now + timedelta(days=20)).date()
    leaving = told(firm, replace(WORKER, status=status, to_date=last))
    waits = firm.play(leaving, standing(KNOWN))
    assert (waits.state, waits.wait) == ("waiting", "schedule")
    first = waits.steps.get(name="resource").sent
    assert (first["active"], first["to_date"]) == (True, last.isoformat())
    gone = days_later(firm, 22).play(leaving, standing(KNOWN))
    assert gone.state == "verified"
    assert gone.steps.get(name="ended").sent["active"] is False


def test_who_stays_after_all_is_not_ended(firm: Firm) -> None:
    last = (firm.now + timedelta(days=20)).date()
    leaving = told(firm, replace(WORKER, status=ResourceStatus.LEFT, to_date=last))
    firm.play(leaving, standing(KNOWN))
    stays = told(firm, WORKER, 2)
    assert firm.play(stays, standing(KNOWN)).state == "verified"
    leaving.refresh_from_db()
    assert leaving.state == "superseded"
    assert stays.steps.get(name="ended").state == "skipped"


def test_nobody_is_ended_over_time_that_nobody_has_approved(firm: Firm) -> None:
    last = (firm.now + timedelta(days=20)).date()
    leaving = told(firm, replace(WORKER, status=ResourceStatus.LEFT, to_date=last))
    firm.play(leaving, standing(KNOWN))
    week = {"project": "Bank", "to_date": last.isoformat()}
    stuck = days_later(firm, 22).play(leaving, standing(KNOWN, unapproved=[week]))
    assert stuck.state == "dead_lettered"
    assert "nobody has approved (1)" in stuck.steps.get(name="ended").text
