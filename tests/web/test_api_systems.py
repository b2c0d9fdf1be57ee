"""Systems over the API: how each is, and downtimes planned by a program."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.firm.models import Person
from controltower.systems.models import Downtime, System
from tests.factories import Firm
from tests.web.cast import token

pytestmark = pytest.mark.django_db
_tokens = count()


def program(person: Person) -> Client:
    """A program that calls for a person."""
    return Client(headers=token(person, f"{person.username}-{next(_tokens)}"))


def get(person: Person, path: str) -> Any:
    return program(person).get(f"/api/v1/{path}").json()


def send(person: Person, path: str, **said: Any) -> Any:
    return program(person).post(f"/api/v1/{path}", said, content_type="application/json")


def night(begins: datetime, hours: int = 6, **more: Any) -> dict[str, Any]:
    ends = begins + timedelta(hours=hours)
    return {
        "begins_at": begins.isoformat(), "ends_at": ends.isoformat(), "reason": "An upgrade", **more
    }  # fmt: skip


def test_each_system_says_how_it_is_and_what_waits_there(firm: Firm) -> None:
    now = timezone.now()
    System.objects.filter(slug="tryton").update(
        paused_at=now, paused_by=firm.otto, pause_reason="Its disk is full"
    )
    told = {one["name"]: one for one in get(firm.anna, "systems")}
    assert list(told) == sorted(System.objects.filter(active=True).values_list("slug", flat=True))
    tryton = told["tryton"]
    assert (tryton["condition"], tryton["paused_by"]) == ("paused", firm.otto.username)
    assert told["certinia"]["condition"] == "silent", "nobody has called it"
    assert get(firm.anna, "systems/tryton") == tryton
    assert send(firm.anna, "systems/nowhere/downtimes", **night(now)).status_code == 404


def test_what_waits_is_what_the_caller_sees(firm: Firm) -> None:
    firm.tell(firm.opportunity())

    def waiting(person: Person) -> list[str]:
        return [one["name"] for one in get(person, "systems") if one["waiting"]["count"]]

    assert waiting(firm.anna) == waiting(firm.jonas) != []
    assert waiting(firm.callum) == [], "his company is another"


def test_a_downtime_is_planned_told_and_called_off(firm: Firm) -> None:
    begins = timezone.now() + timedelta(days=1)
    made = send(firm.otto, "systems/tryton/downtimes", **night(begins))
    assert made.status_code == 201
    (told,) = get(firm.otto, "systems/tryton")["downtimes"]
    assert told == made.json()
    assert (told["announced_by"], told["begun_at"]) == (firm.otto.username, None)
    again = send(firm.otto, "systems/tryton/downtimes", **night(begins))
    assert again.status_code == 409
    assert "There is one already" in again.json()["detail"]
    ended = send(firm.otto, f"downtimes/{told['id']}/ends")
    assert ended.status_code == 201 and ended.json()["ended_at"]
    assert get(firm.otto, "systems/tryton")["downtimes"] == []
    assert send(firm.otto, f"downtimes/{told['id']}/ends").status_code == 409


def test_one_that_has_begun_pauses_at_once(firm: Firm) -> None:
    begun = timezone.now() - timedelta(minutes=1)
    assert send(firm.otto, "systems/tryton/downtimes", **night(begun)).json()["begun_at"]
    assert get(firm.otto, "systems/tryton")["condition"] == "paused"


@pytest.mark.parametrize(
    "said",
    [
        {"begins_at": "2099-01-01T00:00:00"},
        {"begins_at": "tomorrow"},
        {"ends_at": 10**30},
        {"reason": ""},
        {"reason": "x" * 301},
        {"until": "then"},
    ],
)
def test_what_makes_no_sense_is_refused(firm: Firm, said: dict[str, Any]) -> None:
    answer = send(firm.otto, "systems/tryton/downtimes", **night(timezone.now()) | said)
    assert answer.status_code == 422
    assert not Downtime.objects.exists()


def test_who_may_not_pause_plans_none(firm: Firm) -> None:
    answer = send(firm.jonas, "systems/tryton/downtimes", **night(timezone.now()))
    assert answer.status_code == 403
    assert not Downtime.objects.exists()
