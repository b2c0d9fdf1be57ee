"""People join, move and leave in two HR systems, and the PSA staffs them accordingly."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.systems.models import Circuit, Feed, System
from controltower.transactions import polling, replay
from controltower.transactions.models import (
    EventState,
    InboundEvent,
    Step,
    Transaction,
    TransactionState,
)
from controltower.transactions.world import entities
from controltower.web.demo.surroundings import connect_systems
from tests.integrations.doors import Town
from tests.journeys.tower import Tower

SYNC = "resource-master-sync"
VERIFIED = TransactionState.VERIFIED


class People:
    """The two HR systems and the PSA's view of their people."""

    def __init__(self, tower: Tower, town: Town) -> None:
        self.tower = tower
        self.workday, self.bamboo = town.controls["workday"], town.controls["bamboohr"]

    def synced(self, worker: str) -> Transaction:
        """The newest change of an HR record, carried through."""
        return self.tower.until(self.change_of(worker), VERIFIED)

    def change_of(self, worker: str, besides: int = 0) -> Transaction:
        """The newest transaction of an HR record, once there are more than so many."""
        mine = Transaction.objects.filter(
            process=SYNC, keys__kind="resource", keys__value=worker
        ).order_by("-started_at")
        self.tower.play(lambda: mine.count() > besides)
        return mine[0]

    def joiner(self, **wanted: Any) -> tuple[str, Transaction]:
        """Somebody new in Workday, known to the PSA; their HR id."""
        worker = str(self.workday.do("hire", company="LF-DE", **wanted)["id"])
        return worker, self.synced(worker)


@pytest.fixture
def people(tower: Tower, town: Town, monkeypatch: pytest.MonkeyPatch) -> People:
    for name in ("workday", "bamboohr"):
        monkeypatch.setenv(f"SANDBOX_{name.upper()}_URL", town.urls[name])
        for secret, value in town.secrets[name].items():
            monkeypatch.setenv(f"SANDBOX_{name.upper()}_{secret.upper()}", value)
    connect_systems(timezone.now())
    polling.poll(budget=timedelta(0))
    Feed.objects.update(every_seconds=0)
    InboundEvent.objects.update(state=EventState.SUPERSEDED, reason="It was so before this test.")
    return People(tower, town)


def shown(step: Step) -> dict[str, Any]:
    """What the PSA said when it was read back."""
    return {name: step.values[name] for name in ("entity", "role", "active")} | {
        "cost": Decimal(step.values["cost_rate"])
    }


def until_the_last_day(people: People, leaving: Transaction) -> None:
    """Play until nothing but the end of somebody's last day is waited for."""

    def waits() -> bool:
        leaving.refresh_from_db()
        return leaving.wait == "schedule"

    people.tower.play(waits)


def test_who_joins_moves_and_leaves_is_so_in_the_psa(people: People) -> None:
    worker, joined = people.joiner(role="Analyst")
    first = joined.steps.get(name="resource")
    assert shown(first) == {
        "entity": "LF-DE", "role": "Analyst", "active": True, "cost": Decimal("43.25"),
    }  # fmt: skip
    people.workday.do("move", id=worker, company="LF-UK", role="Consultant")
    moved = people.tower.until(people.change_of(worker, besides=1), VERIFIED)
    second = moved.steps.get(name="resource")
    assert second.ref == first.ref
    assert shown(second) == {
        "entity": "LF-UK", "role": "Consultant", "active": True, "cost": Decimal("50.75"),
    }  # fmt: skip
    last = f"{timezone.now() - timedelta(days=1):%Y-%m-%d}"
    people.workday.do("leave", id=worker, on=last)
    left = people.tower.until(people.change_of(worker, besides=2), VERIFIED)
    third = left.steps.get(name="resource")
    assert (third.ref, shown(third)["active"]) == (first.ref, False)
    assert third.values["to_date"] == last


def test_who_has_given_notice_works_until_the_last_day(people: People) -> None:
    """And whoever stays after all is not ended on it."""
    worker, joined = people.joiner()
    last = timezone.now().date() + timedelta(days=40)
    people.workday.do("leave", id=worker, on=last.isoformat())
    leaving = people.change_of(worker, besides=1)
    until_the_last_day(people, leaving)
    assert leaving.wait_text == f"Their last day is {last}."
    told = leaving.steps.get(name="resource")
    assert told.ref == joined.steps.get(name="resource").ref
    assert (told.values["active"], told.values["to_date"]) == (True, last.isoformat())
    people.workday.do("move", id=worker, role="Analyst")
    people.change_of(worker, besides=2)
    leaving.refresh_from_db()
    assert leaving.state == "superseded"


def test_nobody_is_ended_over_open_work(people: People) -> None:
    worker, joined = people.joiner()
    project = people.tower.set_up().steps.get(name="project").ref
    person = joined.steps.get(name="resource").ref
    staffed = people.tower.org.control.do("staff", project=project, person=person)
    today = str(entities()["LF-DE"].today(timezone.now()))
    people.workday.do("leave", id=worker, on=today)
    leaving = people.change_of(worker, besides=1)
    stuck = people.tower.stuck(leaving)
    assert (stuck.name, stuck.kind) == ("resource", "conflict")
    assert "assignments that go on (1)" in stuck.text
    assert "Joiner" not in stuck.text
    people.tower.correct("pse__Assignment__c", str(staffed["assignment"]), pse__End_Date__c=today)
    plan = people.tower.replay(leaving)
    by = people.tower.person("otto.brandt")
    replay.release(plan=plan, digest=plan.digest, by=by, now=timezone.now())
    until_the_last_day(people, leaving)
    told = leaving.steps.get(name="resource").values
    assert (told["active"], told["to_date"]) == (True, today), "they work on their last day"


def test_one_person_in_both_hr_systems_is_a_decision(people: People) -> None:
    _, joined = people.joiner(Email="twice.told@larkfield.example")
    other = str(people.bamboo.do("hire")["id"])
    employee = str(people.bamboo.do("hire", workEmail="twice.told@larkfield.example")["id"])
    assert shown(people.synced(other).steps.get(name="resource"))["entity"] == "LF-US"
    stuck = people.tower.stuck(people.change_of(employee))
    assert stuck.kind == "duplicate"
    number = joined.subject["number"]
    assert number in stuck.text
    assert "twice.told" not in stuck.text
    assert Step.objects.get(pk=stuck.pk).sent_at is None


def test_a_raise_counts_from_its_day(people: People) -> None:
    worker, _ = people.joiner(role="Analyst")
    today = entities()["LF-DE"].today(timezone.now())
    later = (today + timedelta(days=20)).isoformat()
    people.workday.do("change", id=worker, fields={"Cost_Rate": "50.00", "Effective_Date": later})
    waiting = people.change_of(worker, besides=1)
    step = waiting.steps.filter(name="resource", due_at__gt=timezone.now() + timedelta(days=15))
    people.tower.play(step.exists)
    assert step.get().sent_at is None
    assert later in step.get().text
    people.workday.do("change", id=worker, fields={"Effective_Date": today.isoformat()})
    people.tower.until(waiting, VERIFIED)
    assert shown(waiting.steps.get(name="resource"))["cost"] == Decimal("50.00")


def test_the_psa_is_down_in_the_middle(people: People) -> None:
    people.tower.org.control.order("down")
    worker = str(people.workday.do("hire", company="LF-UK")["id"])
    joining = people.change_of(worker)

    def held_back() -> bool:
        return System.objects.get(slug="certinia").circuit == Circuit.OPEN

    people.tower.play(held_back)
    assert joining.steps.get(name="resource").sent_at is None
    people.tower.org.control.clear()
    people.tower.until(joining, VERIFIED)
    assert shown(joining.steps.get(name="resource"))["active"]


def test_what_is_put_right_in_the_hr_system_is_taken_up(people: People) -> None:
    worker = str(people.workday.do("hire", company="LF-DE", Cost_Rate="")["id"])
    stuck = people.tower.stuck(people.change_of(worker))
    assert (stuck.name, stuck.field) == ("check", "cost_rate")
    people.workday.do("change", id=worker, fields={"Cost_Rate": "58.00"})
    people.synced(worker)
